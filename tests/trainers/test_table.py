"""The table's command line, from texts to the report."""

import re

import numpy as np
import pytest

from trainers import table
from trainers.experiments import plan


@pytest.fixture
def make_table(reviews, tiny_bert, tmp_path, monkeypatch):
    """Runs the command in a directory of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*typed):
        return table.main(
            [
                f"--dataset={reviews}",
                f"--encoder={tiny_bert}",
                "--max_tokens=32",
                "--channels=grey",
                "--image_height=16",
                "--image_width=16",
                "--perplexity=5",
                "--weights=random",
                "--epochs=2",
                "--workdir=my table",
                *typed,
            ]
        )

    return run


@pytest.mark.slow
def test_backbones_seeds_and_a_failure_make_one_report(
    make_table, tmp_path, capsys
):
    typed = (
        "--seeds=2",
        "--ablated=",
        "--image_height=12",
        "--image_width=12",
        "--upsample=1",  # too small for AlexNet
        "--eval_every=1",
        "--backbones=resnet,vgg16,alexnet",
        "--peers=kim_cnn,tuned_bert",
    )
    assert make_table(*typed) == 1
    assert "peers that failed: 2." in capsys.readouterr().err
    workdir = tmp_path / "my table"
    report = (workdir / "report.md").read_text("utf-8")
    table_one = report.split("## Table I")[1].split("\n## ")[0]
    for title in ("ResNet50V2", "VGG16"):
        (row,) = re.findall(rf"\| {title} \|.*", table_one)
        assert re.search(r"\| 2 \| [01]\.\d{4} ± \d\.\d{4} \|", row), row
    assert "| AlexNet | - | - | - | - | 0 | not trained |" in report
    assert "Validation accuracy by step" in report
    assert "](slices.png)" in report
    assert "the last column is no verdict: corpus " in report
    peers = report.split("## What it competes with")[1].split("##")[0]
    for name in ("kim_cnn", "tuned_bert"):
        (row,) = re.findall(rf"\| {name} \|.*", peers)
        assert re.search(r"\| [01]\.\d{4} \| \d+ \| \S+ \| \S+ \|$", row), row
    failed = report.split("## Failed")[1]
    assert "too small for the alexnet slice" in failed
    for name in re.findall(r"\]\((.*?\.png)\)", report):
        assert (workdir / name).read_bytes().startswith(b"\x89PNG")
    assert not (workdir / "frozen_maps").exists()

    before = {
        path: path.stat().st_mtime_ns
        for path in workdir.glob("cells/*/metrics.json")
    }
    assert len(before) == 4
    assert make_table(*typed, "--dry_run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([x for x in lines if re.search(r"finished in \d+ s$", x)]) == 4
    assert len([x for x in lines if re.search("alexnet.*: to do$", x)]) == 2
    assert lines[-1] == "2 of 6 trainings to do"
    assert make_table(*typed[:-1], "--backbones=resnet,vgg16") == 0
    for path, modified in before.items():
        assert path.stat().st_mtime_ns == modified
    assert "## Failed" not in (workdir / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_every_ablation_trains_and_is_compared(make_table, tmp_path):
    typed = (
        "--backbones=vgg16",
        "--seeds=1",
        "--ablated=vgg16",
        "--ablations=" + ",".join(plan.ABLATIONS),
        "--epochs=1",
        # 52 pixels, enlarged, leave 13 x 13 maps for the paper's autoencoder.
        "--image_height=26",
        "--image_width=26",
    )
    assert make_table(*typed) == 0
    report = (tmp_path / "my table/report.md").read_text("utf-8")
    assert "## Failed" not in report
    assert "| maps of vgg16 | logistic regression" in report
    assert report.count("### ") == len(plan.ABLATIONS)
    assert report.count("\n| **") == len(plan.ABLATIONS)
    assert "](slice_loss.png)" in report
    assert report.count("| other texts |") == 2 * len(plan.UNPAIRED)


@pytest.mark.slow
def test_the_published_recipe_compares_itself_with_what_was_published(
    make_table, tmp_path
):
    typed = (
        "--preset=paper",
        "--layers=0-1",  # of the two of this BERT
        "--backbones=vgg16",
        "--seeds=1",
        "--epochs=1",
        "--ablated=",
        # Three times 18 pixels leave 13 x 13 maps, the fewest it takes.
        "--image_height=18",
        "--image_width=18",
    )
    assert make_table(*typed) == 0
    report = (tmp_path / "my table/report.md").read_text("utf-8")
    published = report.split("## Beside the published accuracies")[1]
    assert "weights random, there imagenet" in published
    assert "/ 10,000; encoder " in published
    (row,) = re.findall(r"\| VGG16 \|.*", published)
    assert re.search(r"( \| [+-]\d+\.\d\d){3} \| ", row), row


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--backbones=resnet,lenet", "'lenet'"),
        ("--weights_for=resnet", "NAME=SOURCE"),
        ("--weights_for=lenet=random", "'lenet'"),
        ("--backbones=vgg16 --weights_for=alexnet=random", "that is used"),
        ("--ablations=contrast,colour", "'colour'"),
        ("--peers=kim_cnn,lstm", "'lstm'"),
        ("--layers=last9", "`layers` must name layers among"),
        ("--max_tokens=9999", "`max_tokens` must be in"),
        ("--seeds=0", "--seeds must be a whole number in"),
        ("--weights=resnet.nzp", "resnet.nzp"),
        ("--weights_for=resnet=resnet.npz", "resnet.npz"),
    ],
)
@pytest.mark.parametrize("dry_run", [(), ("--dry_run",)], ids=["", "dry_run"])
def test_flags_no_table_could_use_are_refused(
    make_table, tmp_path, capsys, typed, message, dry_run
):
    assert make_table(*typed.split(), *dry_run) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


def test_rows_that_cannot_be_trained_are_named_at_once(make_table, caplog):
    small = ("--image_height=12", "--image_width=12", "--upsample=1")
    assert make_table(*small, "--ablated=", "--dry_run") == 0
    (warning,) = (
        r.getMessage()
        for r in caplog.records
        if r.levelname == "WARNING" and "cannot be" in r.getMessage()
    )
    assert "the row backbones, alexnet cannot be trained. Images" in warning


def test_weights_that_do_not_fit_are_refused_before_records_are_made(
    make_table, tmp_path, capsys
):
    np.savez(tmp_path / "another.npz", **{"conv1/kernel": np.zeros(3)})
    typed = ("--backbones=alexnet", "--weights_for=alexnet=another.npz")
    assert make_table(*typed) == 1
    assert "'another.npz' with 1 arrays" in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("name", ["backbone", "image_records"])
def test_what_the_table_chooses_is_no_flag(make_table, capsys, name):
    with pytest.raises(SystemExit):
        make_table(f"--{name}=resnet")
    assert f"there is no flag --{name}" in capsys.readouterr().err


def test_a_plan_is_printed_and_nothing_is_done(make_table, tmp_path, capsys):
    assert (
        make_table("--backbones=", "--ablations=layout,contrast", "--dry_run")
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "layout: fitted, seed 0: to do",
        "layout: shuffled over the same pixels, seed 0: to do",
        "contrast: 0.1, seed 0: same as above",
        "contrast: 1, seed 0: to do",
        "3 of 3 trainings to do",
    ]
    assert not (tmp_path / "my table").exists()
    assert not (tmp_path / "records").exists()
