"""The files of a run's directory."""

import numpy as np
import pytest

from tfrecords import schema
from trainers.config import TrainConfig
from trainers.runs import predictions, workdir


def test_classes_called_like_columns_keep_their_predictions(tmp_path):
    names = ("prediction", "label", "id")
    labels = np.array([0, 1, 2, 1], np.int32)
    predicted = np.eye(3)[[0, 2, 2, 0]]
    predictions.write_predictions(
        tmp_path, names, ["d", "a", "c", "b"], labels, predicted
    )
    assert list(predictions.read_predictions(tmp_path).items()) == [
        ("d", ("prediction", "prediction")),
        ("a", ("label", "id")),
        ("c", ("id", "id")),
        ("b", ("label", "prediction")),
    ]


def test_other_weights_under_the_same_name_are_refused(tmp_path):
    manifest = schema.Manifest(
        schema.image_schema((2, 2, 1), ("a", "b")), "f", {}, {}, {}
    )
    weights = tmp_path / "mine.npz"
    weights.write_bytes(b"one")
    config = TrainConfig(weights=str(weights))
    for _ in range(2):
        workdir.claim_workdir(config, manifest, tmp_path / "run")
    weights.write_bytes(b"another")
    with pytest.raises(ValueError, match="sha256 of the weights"):
        workdir.claim_workdir(config, manifest, tmp_path / "run")
