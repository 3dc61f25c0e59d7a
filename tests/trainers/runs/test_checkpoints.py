"""A checkpoint is of this run and whole, or refused by name."""

import pathlib

import keras
import numpy as np
import pytest

from tests.support.damages import DAMAGES, damage, flip
from trainers.runs import checkpoints

RUN = {"settings": "f00d", "seed": 0, "image_fingerprint": "cafe"}
HISTORY = {"history": [{"epoch": 1, "loss": 0.5}]}


def _variables(seed: int) -> dict[str, keras.Variable]:
    rng = np.random.default_rng(seed)
    return {
        "dense/kernel": keras.Variable(rng.normal(size=(4, 3))),
        "optimizer/0/iteration": keras.Variable(seed, dtype="int64"),
        "scalar": keras.Variable(float(seed)),
    }


def _values(variables: dict[str, keras.Variable]) -> list[bytes]:
    return [np.asarray(each).tobytes() for each in variables.values()]


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save(path, _variables(1), HISTORY, RUN)
    return path


def test_a_checkpoint_is_read_as_it_was_written(path):
    read = _variables(2)
    assert checkpoints.load(path, read, RUN) == HISTORY
    assert _values(read) == _values(_variables(1))
    assert checkpoints.find_fault(path) is None


def test_the_same_content_has_the_same_bytes(path):
    content = path.read_bytes()
    for _ in range(5):
        checkpoints.save(path, _variables(1), HISTORY, RUN)
        assert path.read_bytes() == content


def test_every_flipped_bit_is_refused_or_changes_nothing(path):
    content = path.read_bytes()
    expected, read = _values(_variables(1)), _variables(2)
    refused = harmless = 0
    for place in range(len(content)):
        path.write_bytes(flip(content, (place + 0.5) / len(content)))
        try:
            history = checkpoints.load(path, read, RUN)
        except ValueError as error:
            refused += str(path) in str(error)
        else:
            assert history["history"] == HISTORY["history"]
            assert _values(read) == expected
            harmless += 1
    assert refused + harmless == len(content)
    assert refused > 0.9 * len(content)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_named_with_its_cure(path, kind):
    damage(path, kind)
    with pytest.raises(
        (ValueError, FileNotFoundError),
        match=r"checkpoint\.safetensors is .*Mend it\.",
    ):
        checkpoints.load(path, _variables(2), RUN, cure="Mend it.")


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"image_fingerprint": "beef"}, {"settings": "fade"}],
)
def test_the_checkpoint_of_another_run_is_refused(path, other):
    read = _variables(2)
    with pytest.raises(
        ValueError, match=r"must be of this run, .*Received: .*another run's"
    ):
        checkpoints.load(path, read, {**RUN, **other})
    assert _values(read) == _values(_variables(2))


def test_a_checkpoint_of_an_earlier_version_is_taken(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save(path, _variables(1), HISTORY)
    assert checkpoints.load(path, _variables(2), RUN) == HISTORY
