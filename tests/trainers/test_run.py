"""The command line, as a user types it."""

import functools
import json

import pytest

from tests.support import commands
from trainers import config

_run = functools.partial(commands.run, "trainers.run")


def _flags(reviews, tiny_bert) -> list[str]:
    return [
        f"--dataset={reviews}",
        f"--encoder={tiny_bert}",
        "--max_tokens=32",
        "--backbone=vgg16",
        "--weights=random",
        "--epochs=2",
        "--image_height=12",
        "--image_width=12",
        "--perplexity=5",
        "--workdir=my run",
    ]


def test_text_to_report_and_the_second_run_reuses_everything(
    reviews, tiny_bert, tmp_path
):
    flags = _flags(reviews, tiny_bert)
    first = _run(*flags, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    for made in ("stacks: making", "pictures: making", "training: making"):
        assert made in first.stderr
    run = tmp_path / "my run"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["label_names"] == ["fresh", "rotten"]
    assert 0 <= metrics["accuracy"] <= 1
    report = (run / "report.md").read_text()
    for picture in (
        "curves.png",
        "map.png",
        "density.png",
        "examples.png",
        "feature_maps.png",
    ):
        assert f"]({picture})" in report
        assert (run / picture).read_bytes().startswith(b"\x89PNG")
    assert "logistic regression on the same stacks" in report

    second = _run(*flags, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "making" not in second.stderr
    for reused in ("stacks", "pictures", "training", "export"):
        assert f"{reused}: reusing" in second.stderr
    assert json.loads((run / "metrics.json").read_text()) == metrics

    third = _run(
        *flags[:-1],
        "--backbone=alexnet",
        "--upsample=3",
        "--export=false",
        cwd=tmp_path,
    )
    assert third.returncode == 0, third.stderr
    assert "stacks: reusing" in third.stderr
    assert "pictures: reusing" in third.stderr
    assert "training: making runs/" in third.stderr


@pytest.mark.slow
def test_the_demo_says_what_it_was_and_names_the_real_thing(tmp_path):
    demo = _run("--epochs=1", "--export=false", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    was, real = demo.stderr.rstrip().splitlines()[-2:]
    assert "That was the demo" in was
    assert "encoder mini, cifar10 weights" in was
    _, _, command = real.partition("The real thing: python -m trainers.run ")
    flags = command.split()
    assert {"--preset=imdb", "--backbone=resnet"} <= set(flags)
    advice = _run(*flags, "--help", cwd=tmp_path)
    assert "--backbone" in advice.stdout, advice.stderr  # every flag exists


def test_help_lists_the_flags_at_once(tmp_path):
    shown = _run("--help", cwd=tmp_path)
    for flag in ("--backbone", "--dataset", "--weights", "--preset"):
        assert flag in shown.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--backbon=vgg16"], "Did you mean: backbone"),
        (["--backbone=lenet"], "alexnet|resnet|resnext"),
        (["--epochs=0"], "error: --epochs must be at least 1"),
        (["--dataset=no.csv"], "error: --dataset must be"),
        (
            ["--image_records=nowhere", "--layers=5-10"],
            "error: --layers would have no effect: --image_records",
        ),
        (
            ["--autoencoder=paper", "--bottleneck=8"],
            "error: --bottleneck would have no effect: --autoencoder=paper",
        ),
        (
            ["--bottleneck=8"],
            "error: --bottleneck would have no effect: --autoencoder=linear",
        ),
        (["--map_seed=3"], "error: --map_seed would have no effect: nothing"),
        (
            ["--projection=pca", "--perplexity=5"],
            "error: --perplexity would have no effect: --projection=pca",
        ),
        (
            ["--dataset=my.csv", "--download"],
            "error: --download would have no effect: --dataset=my.csv",
        ),
        (["--image_records=nowhere"], "error: nowhere holds no manifest.json"),
    ],
)
def test_a_wrong_call_is_explained_without_a_trace(tmp_path, flags, message):
    failed = _run(*flags, cwd=tmp_path)
    assert failed.returncode != 0
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_demos_pictures_are_made_as_its_preset_says(tmp_path):
    preset = config.PRESETS["demo"]
    flags = [
        f"--{name}={preset[name]}"
        for name in ("scaler", "assignment", "channels")
    ]
    made = commands.run("tfrecords.build", *flags, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    # Linear sum assignment: a pixel for every feature, of 3 channels.
    assert "map: 768 features on 768 of 7500 pixels, at most 1" in made.stderr
