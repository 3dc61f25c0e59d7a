"""The files of a run's directory."""

import numpy as np

from tfrecords import schema
from trainers import features, run_files


def test_classes_called_like_columns_keep_their_predictions(tmp_path):
    names = ("prediction", "label", "id")
    manifest = schema.Manifest(
        schema.image_schema((2, 2, 1), names), "f", {}, {}, {}
    )
    labels = np.array([0, 1, 2, 1], np.int32)
    said = [0, 2, 2, 0]
    run_files.write_predictions(
        tmp_path,
        manifest,
        features.Inputs(labels, labels, ["d", "a", "c", "b"]),
        np.eye(3)[said],
    )
    assert list(run_files.read_predictions(tmp_path).items()) == [
        ("d", ("prediction", "prediction")),
        ("a", ("label", "id")),
        ("c", ("id", "id")),
        ("b", ("label", "prediction")),
    ]
