"""The command line of the domain shift, from images and texts to the report."""

import json

import keras
import numpy as np
import pytest

from trainers import domain_shift


@pytest.fixture
def compare(reviews, tiny_bert, tmp_path, monkeypatch):
    """Runs the command in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for index in range(20):
        small = rng.uniform(0, 255, (4, 4, 3)).astype(np.uint8)
        image = small.repeat(8, axis=0).repeat(8, axis=1)
        keras.utils.save_img(
            tmp_path / f"photos/{index}.png", image, scale=False
        )

    def run(*typed):
        return domain_shift.main(
            [
                f"--dataset={reviews}",
                f"--encoder={tiny_bert}",
                "--max_tokens=32",
                "--assignment=bin",
                "--image_height=32",
                "--image_width=32",
                "--perplexity=5",
                "--images=photos",
                "--sample=10",
                "--backbones=alexnet,shufflenet",
                "--upsample=1",
                "--permutations=99",
                "--variants=smoothed,layers",
                "--normalizations=none,image",
                "--workdir=shift",
                *typed,
            ]
        )

    return run


@pytest.mark.slow
def test_slices_are_compared_and_not_measured_twice(compare, tmp_path):
    assert compare() == 0
    workdir = tmp_path / "shift"
    report = (workdir / "report.md").read_text("utf-8")
    for name in ("domains.png", "mmd.png", "cka.png"):
        assert f"]({name})" in report
        assert (workdir / name).read_bytes().startswith(b"\x89PNG")
    tables = json.loads((workdir / "results.json").read_text())
    # Three kinds of natural images, three of texts twice; of all but the
    # natural ones themselves three stages.
    assert len(tables["maps"]) == 2 * 9
    assert len(tables["shifts"]) == 2 * 8 * 3
    assert {row["layer"] for row in tables["batch_norms"]}
    assert len(tables["cka"]) == 2 * 3
    told_apart = [
        row["p"]
        for row in tables["shifts"]
        if row["images"] == "fitted" and row["backbone"] == "alexnet"
    ]
    assert max(told_apart) <= 0.05
    kept, lost = sorted(workdir.glob("slices/*.npz"))
    content, modified = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    assert compare() == 0
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == modified
    assert len(list(workdir.glob("slices/*"))) == 2


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--backbones=lenet", "'lenet'"),
        ("--variants=fitted,blurred", "'blurred'"),
        ("--normalizations=batch", "'batch'"),
        ("--normalizations=", "'nothing'"),
        ("--weights_for=resnet", "NAME=SOURCE"),
        ("--weights_for=resnet=random", "that is used"),
        ("--weights=resnet.nzp", "resnet.nzp"),
        ("--layers=0-1", "--channels=layers needs a number of layers"),
        ("--image_height=8", "Images are too small for the alexnet slice"),
        ("--sample=3", "--sample must be a whole number in [4, 2000]"),
    ],
)
def test_flags_that_cannot_be_compared_are_refused(
    compare, tmp_path, capsys, typed, message
):
    assert compare(typed) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


def test_nothing_is_smoothed_without_the_variant(compare, capsys):
    assert compare("--variants=layers", "--sigma=2") == 1
    assert "--sigma would have no effect" in capsys.readouterr().err


def test_natural_images_must_be_named(capsys):
    assert domain_shift.main([]) == 2
    assert "Expected --images" in capsys.readouterr().err
