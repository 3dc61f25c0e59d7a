"""features.csv of two texts, computed by hand."""

import csv
import io

import numpy as np

from text2image.deepinsight import pixel_map, scaling, statistics
from trainers.explanations import feature_table


def fitted_map(rng, num_features):
    stats = statistics.FeatureStatistics.empty(num_features)
    stats.update(rng.normal(size=(5, num_features)))
    return pixel_map.fit_pixel_map(
        rng.normal(size=(num_features, 2)),
        (3, 4),
        scaling.fit_scaler("norm1", stats),
        channel=np.arange(num_features) % 2,
        assignment="lsa",
    )


def test_the_features_that_matter_most_come_first(rng):
    fitted = fitted_map(rng, 4)
    features = np.array([[[1.0, -4.0], [0.0, 0.5]], [[1.0, 2.0], [0.0, -2.5]]])
    text = feature_table.compose(
        features, np.array([2, 0]), ("a", "b", "c,d"), (4, 9), fitted
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["feature"] for row in rows] == ["1", "3", "0", "2"]
    assert [row["layer"] for row in rows] == ["4", "9", "4", "9"]
    assert [row["dimension"] for row in rows] == ["1", "1", "0", "0"]
    assert [float(row["mean_size"]) for row in rows] == [3.0, 1.5, 1.0, 0.0]
    assert [float(row["mean_a"]) for row in rows] == [2.0, -2.5, 1.0, 0.0]
    assert {row["mean_b"] for row in rows} == {""}  # no text has the class
    assert [float(row["mean_c,d"]) for row in rows] == [-4.0, 0.5, 1.0, 0.0]
    for row in rows:
        feature = int(row["feature"])
        place = [int(row["row"]), int(row["column"])]
        assert place == fitted.coords[feature].tolist()
        assert int(row["channel"]) == feature % 2
