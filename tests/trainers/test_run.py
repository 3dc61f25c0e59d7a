"""The command line, as a user types it."""

import csv
import dataclasses
import json
import sys

import numpy as np
import pytest

from tests.support import commands
from tfrecords import build, flags
from trainers import run
from trainers.config import PRESETS, TrainConfig


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
    reviews, tiny_bert, tmp_path, monkeypatch, caplog
):
    typed = _flags(reviews, tiny_bert)
    first = commands.run_alone("trainers.run", *typed, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    for stage in ("stacks", "images", "training"):
        assert f"{stage}: making" in first.stderr
    workdir = tmp_path / "my run"
    metrics = json.loads((workdir / "metrics.json").read_text())
    assert metrics["label_names"] == ["fresh", "rotten"]
    with (workdir / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == metrics["num_validation"]
    assert sum(row["label"] == row["prediction"] for row in rows) == round(
        metrics["accuracy"] * len(rows)
    )
    report = (workdir / "report.md").read_text()
    for figure in (
        "curves.png",
        "map.png",
        "density.png",
        "examples.png",
        "feature_maps.png",
    ):
        assert f"]({figure})" in report
        assert (workdir / figure).read_bytes().startswith(b"\x89PNG")
    assert "logistic regression on the same stacks" in report

    monkeypatch.chdir(tmp_path)
    assert run.main(typed) == 0
    assert "making" not in caplog.text
    for stage in ("stacks", "images", "training", "export"):
        assert f"{stage}: reusing" in caplog.text
    assert json.loads((workdir / "metrics.json").read_text()) == metrics


@pytest.mark.slow
def test_another_backbone_reuses_the_records(
    reviews, tiny_bert, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    short = ["--epochs=1", "--export=false", "--baselines=false"]
    typed = [*_flags(reviews, tiny_bert)[:-1], *short]
    assert run.main(typed) == 0
    caplog.clear()
    other = ["--backbone=alexnet", "--upsample=3", "--group_key=Label"]
    assert run.main([*typed, *other]) == 0
    for line in ("stacks: reusing", "images: reusing", "making runs/"):
        assert line in caplog.text
    (workdir,) = tmp_path.glob("runs/*-alexnet-*")
    report = (workdir / "report.md").read_text("utf-8")
    assert "## By label\n" in report
    assert "| rotten † | 6 | " in report
    files = json.loads((workdir / "files.json").read_text())["files"]
    assert "groups.csv" in files


@pytest.mark.slow
def test_the_demo_says_what_it_was_and_names_the_real_thing(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    assert run.main(["--epochs=1", "--export=false"]) == 0
    was, real = (record.getMessage() for record in caplog.records[-2:])
    assert "That was the demo" in was
    assert "encoder mini, cifar10 weights" in was
    _, _, command = real.partition("The real thing: python -m trainers.run ")
    typed, _ = flags.parse(run.PROGRAM, command.split())  # each flag exists
    assert typed == {"preset": "imdb", "download": True, "backbone": "resnet"}


def test_a_missing_extra_is_refused_before_anything(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "umap", None)
    assert run.main(["--projection=umap"]) == 1
    error = capsys.readouterr().err
    assert "pip install 'text-as-image[umap]'" in error
    assert not any(tmp_path.iterdir())


def test_records_that_do_not_exist_are_refused_without_a_trace(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run.main(["--image_records=nowhere"]) == 1
    error = capsys.readouterr().err
    assert "error: nowhere holds no manifest.json" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["--epochs=0"], "--epochs must be a whole number in"),
        (["--dataset=no.csv"], "--dataset must be"),
        (
            ["--image_records=nowhere", "--layers=5-10"],
            "--layers would have no effect: --image_records",
        ),
        (
            ["--autoencoder=paper", "--bottleneck=8"],
            "--bottleneck would have no effect: --autoencoder=paper",
        ),
        (
            ["--bottleneck=8"],
            "--bottleneck would have no effect: --autoencoder=linear",
        ),
        (["--map_seed=3"], "--map_seed would have no effect: nothing"),
        (
            ["--projection=pca", "--perplexity=5"],
            "--perplexity would have no effect: --projection=pca",
        ),
        (
            ["--projection=umap", "--tsne_init=random"],
            "--tsne_init would have no effect: --projection=umap",
        ),
        (
            ["--projection=kernel_pca", "--map_seed=3"],
            "--map_seed would have no effect: nothing",
        ),
        (
            ["--dataset=my.csv", "--download"],
            "--download would have no effect: --dataset=my.csv",
        ),
        (["--l2=nan"], "--l2 must be a number in [0, 1000]. Received: nan"),
        (
            ["--layers=last2", "--channels=layers"],
            "--channels=layers needs a number of layers that is a multiple",
        ),
        (["--layers=0-6"], "`layers` must name layers among 0-5"),
        (["--max_tokens=513"], "`max_tokens` must be in [3, 512]"),
        (
            ["--assignment=lsa", "--image_width=5"],
            "--assignment=lsa needs one pixel per feature",
        ),
        (["--perplexity=999"], "--perplexity must be in (0, 768)"),
        (
            ["--image_height=9", "--assignment=bin", "--backbone=alexnet"],
            "Images are too small for the alexnet slice",
        ),
        (
            [
                "--autoencoder=paper",
                "--backbone=shufflenet",
                "--upsample=1",
            ],
            "Images are too small for the shufflenet slice: its feature maps "
            "must be at least 13 x 13",
        ),
        (["--train_split=train"], "--train_split=train needs --split=official"),
        (
            ["--dataset=my.csv", "--split=official", "--validation_split=test"],
            "--validation_split=test takes examples of a TFDS dataset",
        ),
    ],
)
def test_flags_no_run_could_use_are_refused(
    tmp_path, monkeypatch, capsys, typed, message
):
    monkeypatch.chdir(tmp_path)
    assert run.main(typed) == 1
    assert f"error: {message}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_workdir_of_another_run_is_refused_before_records_are_made(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    demo = {n: value for n, value in PRESETS["demo"].items() if n in fields}
    settings = TrainConfig(**demo, head_lr=0.5)
    earlier = {"config": json.loads(settings.dumps())}
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(json.dumps(earlier))
    assert run.main(["--preset=demo", "--workdir=run", "--head_lr=0.25"]) == 1
    assert "head_lr: 0.5 there, 0.25 here" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_weights_that_do_not_fit_are_refused_before_records_are_made(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    np.savez("another.npz", **{"conv1/kernel": np.zeros(3)})
    typed = ["--backbone=alexnet", "--weights=another.npz"]
    assert run.main(typed) == 1
    assert "'another.npz' with 1 arrays" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["another.npz"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--backbon=vgg16", "Did you mean --backbone?"),
        ("--backbone=lenet", "must be one of alexnet, resnet, resnext"),
    ],
)
def test_flags_and_values_that_do_not_exist_are_usage_errors(
    capsys, typed, message
):
    with pytest.raises(SystemExit) as ended:
        run.main([typed])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_images_of_the_demo_are_made_as_its_preset_says(
    tmp_path, monkeypatch, caplog
):
    preset = PRESETS["demo"]
    typed = [
        f"--{name}={preset[name]}"
        for name in ("scaler", "assignment", "channels")
    ]
    monkeypatch.chdir(tmp_path)
    assert (
        build.main(
            [
                *typed,
                "--limit_train=64",
                "--limit_validation=16",
                "--tsne_iterations=300",
            ]
        )
        == 0
    )
    # Linear sum assignment: a pixel for every feature, of 3 channels.
    assert "map: 768 features on 768 of 7500 pixels, at most 1" in caplog.text
