"""Every flag and every table offers exactly the values of `options`."""

import dataclasses

import numpy as np
import pytest

from text2image import options
from text2image.bert import encoder, pooling
from text2image.deepinsight import (
    geometry,
    pixel_map,
    projection,
    scaling,
    statistics,
)
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MultimodalConfig


@pytest.mark.parametrize(
    ("settings", "field", "values"),
    [
        (RecordsConfig, "split", options.SPLIT_PROTOCOLS),
        (RecordsConfig, "encoder_dtype", options.ENCODER_DTYPES),
        (RecordsConfig, "encoder_engine", options.ENCODER_ENGINES),
        (RecordsConfig, "scaler", options.SCALERS),
        (RecordsConfig, "projection", options.PROJECTIONS),
        (RecordsConfig, "tsne_method", options.TSNE_METHODS),
        (RecordsConfig, "metric", options.TSNE_METRICS),
        (RecordsConfig, "tsne_init", options.TSNE_INITS),
        (RecordsConfig, "assignment", options.ASSIGNMENTS),
        (RecordsConfig, "fill", options.FILLS),
        (RecordsConfig, "layout", options.LAYOUTS),
        (RecordsConfig, "channels", tuple(options.NUM_CHANNELS)),
        (RecordsConfig, "pooling", options.POOLINGS),
        (MultimodalConfig, "pooling", options.POOLINGS),
    ],
)
def test_a_flag_offers_the_values_of_options(settings, field, values):
    fields = {item.name: item for item in dataclasses.fields(settings)}
    assert fields[field].metadata["choices"] == values
    assert fields[field].default in values


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (pooling.MODEL_BUILDERS, options.POOLINGS),
        (geometry.ASSIGNMENTS, options.ASSIGNMENTS),
        (projection._TSNE, options.TSNE_METHODS),
    ],
)
def test_a_table_has_one_entry_per_value(table, values):
    assert tuple(table) == values


def fit_scaler(kind):
    seen = statistics.FeatureStatistics.empty(3)
    seen.update(np.arange(12.0).reshape(4, 3))
    return scaling.fit_scaler(kind, seen)


@pytest.mark.parametrize("kind", options.SCALERS)
@pytest.mark.parametrize("fill", options.FILLS)
@pytest.mark.parametrize("assignment", options.ASSIGNMENTS)
def test_every_scaler_fill_and_assignment_makes_a_map(kind, fill, assignment):
    points = np.array([[0.0, 0], [1, 0], [0, 1]])
    fitted = pixel_map.fit_pixel_map(
        points, (2, 2), fit_scaler(kind), fill=fill, assignment=assignment
    )
    is_empty = fitted.averaging_matrix().getnnz(axis=1) == 0
    assert is_empty.sum() == (1 if fill == "zero" else 0)


def test_an_unknown_fill_is_refused():
    points = np.array([[0.0, 0], [1, 0], [0, 1]])
    with pytest.raises(ValueError, match=r"`fill` must be one of.*'mean'"):
        pixel_map.fit_pixel_map(
            points, (2, 2), fit_scaler("norm1"), fill="mean"
        )


def test_an_unknown_pooling_is_refused(tiny_bert):
    with pytest.raises(ValueError, match=r"`pooling` must be one of.*'min'"):
        encoder.Encoder(tiny_bert, max_tokens=64, pooling="min")
