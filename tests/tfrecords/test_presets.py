"""Presets by class, and values that Python programs pass."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tfrecords.config import RecordsConfig
from trainers.config import PRESETS, TrainConfig


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", [TrainConfig, RecordsConfig])
def test_a_preset_is_what_the_flag_sets(kind, name):
    fields = {field.name for field in dataclasses.fields(kind)}
    own = {n: value for n, value in PRESETS[name].items() if n in fields}
    assert kind.preset(name) == kind(**own)


def test_changes_override_a_preset():
    assert TrainConfig.preset("demo", l2=0.5).l2 == 0.5
    assert RecordsConfig.preset("demo", encoder="a").encoder == "a"
    with pytest.raises(ValueError, match="`preset` must be one of"):
        TrainConfig.preset("newest")


def test_paths_become_strings_and_numbers_pythons():
    config = TrainConfig(
        image_records=pathlib.Path("a/b"),
        epochs=np.int64(3),
        l2=np.float32(0.5),
    )
    same = TrainConfig(image_records="a/b", epochs=3, l2=0.5)
    assert config.dumps() == same.dumps()
    assert RecordsConfig(dataset=pathlib.Path("c.csv")).dataset == "c.csv"
    with pytest.raises(ValueError, match="--epochs must be a whole number"):
        TrainConfig(epochs=np.float64(3.5))
