"""Shipped files are verified; a damaged one is refused with the cure."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from text2image import assets

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("text2image", "trainers")
READ = {
    "text2image/data/demo_reviews.jsonl": (
        "from text2image.corpora import texts; texts.open_corpus('demo')"
    ),
    "text2image/data/mini_encoder/model.weights.h5": (
        "from text2image import assets; assets.mini_encoder()"
    ),
    "text2image/data/mini_encoder/assets/tokenizer/vocabulary.txt": (
        "from text2image import assets; assets.mini_encoder()"
    ),
    "trainers/weights/data/cifar10/resnet.safetensors": (
        "from trainers import backbones\n"
        "from trainers.weights import shipped\n"
        "shipped.cifar10_arrays(backbones.get_backbone('resnet'))"
    ),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A copy of the packages that a test may damage."""
    directory = tmp_path_factory.mktemp("a site")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            directory / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return directory


def last_line_of(installation, statement):
    finished = subprocess.run(
        [sys.executable, "-c", statement],
        cwd=installation,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = finished.stderr.splitlines()
    return lines[-1] if finished.returncode else ""


@pytest.mark.parametrize("name", READ)
def test_an_altered_or_missing_file_is_named_with_the_cure(installation, name):
    path = installation / name
    content = path.read_bytes()
    assert last_line_of(installation, READ[name]) == ""
    try:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        altered = last_line_of(installation, READ[name])
        path.unlink()
        missing = last_line_of(installation, READ[name])
    finally:
        path.write_bytes(content)
    assert altered.startswith(f"ValueError: {path} comes with the package")
    assert missing.startswith(f"FileNotFoundError: {path} comes with the")
    for error in (altered, missing):
        assert "pip install --force-reinstall" in error


def test_every_shipped_file_has_a_sha256():
    data = ROOT / "text2image" / "data"
    shipped = {
        path.relative_to(data.parent).as_posix()
        for path in data.rglob("*")
        if path.is_file() and path.suffix != ".md"
    }
    assert shipped == {
        *assets.CHARACTERS,
        *assets.DEMO_REVIEWS,
        *assets.MINI_ENCODER,
    }


@pytest.mark.parametrize(
    ("card", "files"),
    [
        ("DEMO_REVIEWS.md", assets.DEMO_REVIEWS),
        ("MINI_ENCODER.md", assets.MINI_ENCODER),
    ],
)
def test_the_card_states_every_sha256(card, files):
    text = (ROOT / "text2image" / "data" / card).read_text("utf-8")
    for sha256 in files.values():
        assert sha256 in text


def test_the_wheel_stays_small():
    """At most 5 MB of encoder and 8 MB of slices."""
    encoder = assets.mini_encoder().rglob("*")
    slices = (ROOT / "trainers/weights/data").rglob("*")
    assert sum(p.stat().st_size for p in encoder if p.is_file()) < 5e6
    assert sum(p.stat().st_size for p in slices if p.is_file()) < 8e6
