"""Validation texts: from the records that the images were drawn from."""

import dataclasses

import pytest

from tests.support import record_sets
from trainers.explanations.validation_texts import (
    LabelledText,
    read_validation_texts,
)
from trainers.runs import loading


@pytest.fixture
def run(trained, tmp_path):
    """A finished run whose records are said to be below `tmp_path`."""
    run = loading.load_run(trained[2].workdir)
    images = tmp_path / "image" / "name-0" / "1.0.0"
    config = dataclasses.replace(run.config, image_records=str(images))
    return dataclasses.replace(run, config=config)


def test_records_that_are_gone_are_an_error_with_a_cure(run):
    with pytest.raises(FileNotFoundError, match="training command again"):
        read_validation_texts(run, 5)


@pytest.mark.parametrize(
    ("most", "expected"), [(9, range(5)), (5, range(5)), (3, (0, 2, 4))]
)
def test_every_nth_text_is_read_with_its_label(run, tmp_path, most, expected):
    record_sets.write_set(
        tmp_path / f"cls/name-{run.origin.provenance['cls']}/1.0.0",
        record_sets.shards_of({"train": (1,), "validation": (3, 2)}),
    )
    assert read_validation_texts(run, most) == [
        LabelledText(
            f"key-{number}",
            f"text {number}\n\N{SNOWMAN}",
            ("neg", "pos")[number % 2],
        )
        for number in (row + 1 for row in expected)  # 0 is a train text
    ]
