"""Layers of stacks that exist already, instead of a second encoding."""

import dataclasses

import numpy as np
import pytest

from tests.support import record_sets
from tfrecords import build, reader
from tfrecords.stages import layer_choice, stacks


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """Settings and stacks of all eight layers."""
    directory = tmp_path_factory.mktemp("layers")
    settings = record_sets.settings(
        record_sets.write_csv(directory / "a.csv"),
        directory / "records",
        layers="all",
    )
    return settings, stacks.prepare_cls(settings)


def rows_of(cls_dir):
    """Everything that the records hold, by split."""
    return {
        split: {
            name: np.concatenate([batch[name] for batch in batches])
            for name in ("id", "label", "text", "stack")
        }
        for split in reader.open_records(cls_dir).splits
        for batches in [
            list(reader.read_records(cls_dir, split).as_numpy_iterator())
        ]
    }


@pytest.mark.parametrize(
    ("layers", "expected"), [("last1", [7]), ("2-4", [2, 3, 4])]
)
def test_layers_are_those_of_the_stacks(every, layers, expected):
    settings, cls_dir = every
    chosen = layer_choice.prepare_layers(
        dataclasses.replace(settings, layers=layers), cls_dir
    )
    manifest = reader.open_records(chosen)
    assert manifest.details["layers"] == expected
    assert manifest.details["encoder"]["layers"] == expected
    received = rows_of(chosen)
    for split, rows in rows_of(cls_dir).items():
        for name in ("id", "label", "text"):
            np.testing.assert_array_equal(received[split][name], rows[name])
        np.testing.assert_array_equal(
            received[split]["stack"], rows["stack"][:, expected]
        )


def test_an_encoding_of_these_layers_alone_is_level_and_comes_first(
    every, tmp_path
):
    settings, cls_dir = every
    alone = dataclasses.replace(
        settings, layers="5-6", records_dir=str(tmp_path)
    )
    chosen = layer_choice.prepare_layers(alone, cls_dir)
    encoded = stacks.prepare_cls(alone)
    assert encoded != chosen
    for split, rows in rows_of(encoded).items():
        np.testing.assert_allclose(
            rows["stack"], rows_of(chosen)[split]["stack"], atol=1e-5
        )
    assert layer_choice.prepare_layers(alone, cls_dir) == encoded


def test_layers_that_the_stacks_lack_are_of_all_layers_encoded_once(
    every, tmp_path
):
    settings = dataclasses.replace(
        every[0], layers="6-7", records_dir=str(tmp_path)
    )
    cls_dir, _ = build.prepare_records(settings)
    assert len(list((tmp_path / "cls").iterdir())) == 1
    for layers, num_sets in (("0-1", 3), ("3-3", 4), ("7-7", 5), ("all", 5)):
        chosen, _ = build.prepare_records(
            dataclasses.replace(settings, layers=layers), layers_of=cls_dir
        )
        assert len(list((tmp_path / "cls").iterdir())) == num_sets
    assert reader.open_records(chosen).details["layers"] == list(range(8))
    again, _ = build.prepare_records(settings, layers_of=cls_dir)
    assert again == cls_dir


def test_layers_that_the_encoder_lacks_are_refused(every):
    settings, cls_dir = every
    with pytest.raises(ValueError, match="must name layers among 0-7"):
        layer_choice.prepare_layers(
            dataclasses.replace(settings, layers="7-8"), cls_dir
        )


def test_first_and_last_layer_have_no_choice(every, tmp_path):
    settings = dataclasses.replace(
        every[0], pooling="first_last", records_dir=str(tmp_path)
    )
    cls_dir = stacks.prepare_cls(settings)
    # Known by name alone, as a preset of keras-hub: no header to read.
    other = dataclasses.replace(settings, layers="2-2", encoder="bert_tiny")
    assert layer_choice.prepare_layers(other, cls_dir) == cls_dir
