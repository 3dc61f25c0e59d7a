"""The table's command line, from texts to the report."""

import re

import numpy as np
import pytest

from tests.support import commands


def table(reviews, tiny_bert, *flags):
    return commands.run(
        "trainers.table",
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
        *flags,
        cwd=reviews.parent,
    )


@pytest.mark.slow
def test_backbones_seeds_and_a_failure_make_one_report(
    reviews, tiny_bert, tmp_path
):
    flags = (
        "--backbones=resnet,vgg16,alexnet",
        "--seeds=2",
        "--ablated=",
        "--weights_for=alexnet=another.npz",
    )
    np.savez(tmp_path / "another.npz", **{"conv1/kernel": np.zeros(3)})
    first = table(reviews, tiny_bert, *flags)
    assert first.returncode == 1
    assert "2 of 6 trainings and their baselines" in first.stderr
    workdir = tmp_path / "my table"
    report = (workdir / "report.md").read_text("utf-8")
    for title in ("ResNet50V2", "VGG16"):
        (row,) = re.findall(rf"\| {title} \|.*", report)
        assert re.search(r"\| 2 \| [01]\.\d{4} ± \d\.\d{4} \|", row), row
    assert "| AlexNet | - | - | - | - | 0 | not trained |" in report
    assert "another.npz" in report.split("## Failed")[1]
    for name in re.findall(r"\]\((.*?\.png)\)", report):
        assert (workdir / name).read_bytes().startswith(b"\x89PNG")
    assert not (workdir / "frozen_maps").exists()

    before = {
        path: path.stat().st_mtime_ns
        for path in workdir.glob("cells/*/metrics.json")
    }
    assert len(before) == 4
    plan = table(reviews, tiny_bert, *flags, "--dry_run")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count(": finished") == 4
    assert len(re.findall(r"alexnet.*about \d+ s", plan.stdout)) == 2
    again = table(reviews, tiny_bert, *flags[:-1])
    assert again.returncode == 0, again.stderr
    for path, modified in before.items():
        assert path.stat().st_mtime_ns == modified
    assert "## Failed" not in (workdir / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_every_ablation_trains_and_is_compared(reviews, tiny_bert, tmp_path):
    found = table(
        reviews,
        tiny_bert,
        "--backbones=resnet",
        "--seeds=1",
        "--ablated=resnet",
        "--image_height=50",
        "--image_width=50",
        "--weights_for=resnet=random",
    )
    report = (tmp_path / "my table/report.md").read_text("utf-8")
    assert found.returncode == 0, found.stderr
    assert "## Failed" not in report
    assert "| maps of resnet | logistic regression" in report
    assert report.count("### ") == 12
    assert report.count("\n| **") == 12


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--backbones=resnet,lenet", "'lenet'"),
        ("--weights_for=resnet", "NAME=SOURCE"),
        ("--ablations=contrast,colour", "'colour'"),
        ("--weights=resnet.nzp", "resnet.nzp"),
        ("--weights_for=resnet=resnet.npz", "resnet.npz"),
    ],
)
def test_bad_flags_are_refused_at_once(reviews, tiny_bert, flag, message):
    found = table(reviews, tiny_bert, flag, "--dry_run")
    assert found.returncode == 1
    assert message in found.stderr


def test_weights_are_looked_for_before_records_are_made(
    reviews, tiny_bert, tmp_path
):
    found = table(reviews, tiny_bert, "--weights_for=resnet=resnet.npz")
    assert found.returncode == 1
    assert "resnet.npz" in found.stderr
    assert not (tmp_path / "records").exists()


@pytest.mark.slow
def test_ablations_alone_may_be_asked_for(reviews, tiny_bert):
    found = table(
        reviews, tiny_bert, "--backbones=", "--ablations=layout", "--dry_run"
    )
    assert found.returncode == 0, found.stderr
    rows = re.findall(r"^(\w+): ", found.stdout, flags=re.MULTILINE)
    assert set(rows) == {"layout"}
