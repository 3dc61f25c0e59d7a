"""Scaler and pixel map are fitted on the train stacks only."""

import numpy as np
import pytest

from tests.support import record_sets
from text2image.deepinsight import (
    pixel_map,
    principal_components,
    scaling,
    statistics,
)
from tfrecords import reader, schema, writer
from tfrecords.stages import map_fitting

LAYERS, HIDDEN = 2, 8


def stacks(count, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, LAYERS, HIDDEN)).astype(np.float32)


def write(directory, train, validation):
    record_schema = schema.cls_schema((LAYERS, HIDDEN), ("neg", "pos"))
    with writer.RecordWriter(
        directory, record_schema, {"kind": "cls"}, {"train": 2, "validation": 1}
    ) as records:
        for split, index, part in (
            ("train", 0, train[:20]),
            ("train", 1, train[20:]),
            ("validation", 0, validation),
        ):
            records.write_shard(
                split,
                index,
                [
                    record_schema.serialize(
                        f"{split}{index}-{n}", 0, one, text="t"
                    )
                    for n, one in enumerate(part)
                ],
            )
        records.finish("", {"layers": [4, 5], "audit": {}})
    return directory


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cls" / "made-0" / "1.0.0"


def fitted(directory, **changes):
    settings = record_sets.settings("demo", "", **changes)
    return map_fitting.fit_pixel_map(
        settings,
        directory,
        reader.open_records(directory),
        {"kind": "image"},
        directory=directory.parent,
    )


@pytest.mark.parametrize("scaler", ["norm1", "norm2", "standard"])
def test_streaming_fits_the_same_map_as_all_rows_at_once(directory, scaler):
    train = stacks(33, 0)
    write(directory, train, stacks(5, 1))
    fitted_map = fitted(
        directory,
        scaler=scaler,
        image_height=7,
        image_width=5,
    )
    rows = train.reshape(33, -1)
    stats = statistics.FeatureStatistics.empty(LAYERS * HIDDEN)
    stats.update(rows)
    expected = scaling.fit_scaler(scaler, stats)
    for name, value in expected.to_arrays().items():
        np.testing.assert_array_equal(
            fitted_map.scaler.to_arrays()[name], value
        )
    scaled = expected.transform(rows).astype(np.float64)
    points, _ = principal_components.principal_coordinates(scaled.T @ scaled)
    # Products of float32 and of doubles differ by rounding.
    np.testing.assert_allclose(fitted_map.points, points, atol=1e-5)
    assert fitted_map.density().shape == (7, 5, 1)
    assert fitted_map.density().sum() == LAYERS * HIDDEN
    assert np.isfinite(fitted_map.points).all()


def test_validation_rows_change_nothing(directory, tmp_path):
    train = stacks(33, 0)
    other = tmp_path / "other" / "made-0" / "1.0.0"
    first = fitted(write(directory, train, stacks(5, 1)))
    second = fitted(write(other, train, 100 * stacks(9, 2)))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.coords, second.coords)
    np.testing.assert_array_equal(first.scaler.maximum, second.scaler.maximum)


def test_constant_features_are_counted_and_drawn(directory):
    train = stacks(33, 0)
    train[:, 0, 3] = 7.0
    train[:, 1, 5] = 0.0
    fitted_map = fitted(write(directory, train, stacks(5, 1)))
    figures = fitted_map.provenance["figures"]
    assert figures["constant_features"] == 2
    assert figures["num_features"] == LAYERS * HIDDEN
    assert figures["occupied_pixels"] == int((fitted_map.density() > 0).sum())
    assert figures["most_features_in_a_pixel"] == fitted_map.density().max()


def test_a_map_keeps_provenance_and_layers(directory, tmp_path):
    fitted_map = fitted(write(directory, stacks(33, 0), stacks(5, 1)))
    assert fitted_map.provenance["kind"] == "image"
    assert fitted_map.provenance["layers"] == [4, 5]
    fitted_map.save(tmp_path)
    lines = (tmp_path / "pixel_map.csv").read_text().splitlines()
    assert lines[1].startswith("0,4,0,")
    assert lines[-1].startswith(f"15,5,{HIDDEN - 1},")
    loaded = pixel_map.PixelMap.load(tmp_path)
    assert loaded.provenance == fitted_map.provenance


def repeat_two_features(stacks):
    stacks[..., 0::2] = stacks[..., :1, :1]
    stacks[..., 1::2] = stacks[..., :1, 1:2]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.fill(1.0), "three distinct features"),
        (repeat_two_features, "three distinct.* Received: 2 of 16"),
        (lambda t: t.__setitem__((4, 1, 2), np.nan), "finite|NaN"),
        (lambda t: t.__setitem__((4, 1, 2), np.inf), "finite|NaN"),
    ],
)
def test_stacks_that_have_no_map_are_refused(directory, change, match):
    train = stacks(33, 0)
    change(train)
    write(directory, train, stacks(5, 1))
    with pytest.raises(ValueError, match=match):
        fitted(directory)


def test_layers_that_do_not_divide_into_channels_are_refused(directory):
    write(directory, stacks(33, 0), stacks(5, 1))
    with pytest.raises(ValueError, match=r"multiple of 3.*2 layers"):
        fitted(directory, channels="layers")


def test_a_shuffled_layout_has_the_same_pixels(directory):
    write(directory, stacks(33, 0), stacks(5, 1))
    fitted_map, shuffled = (
        fitted(directory, layout=layout) for layout in ("fitted", "shuffled")
    )
    np.testing.assert_array_equal(fitted_map.density(), shuffled.density())
    assert (fitted_map.coords != shuffled.coords).any()
