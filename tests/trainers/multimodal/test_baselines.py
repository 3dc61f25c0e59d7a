"""Plain classifiers on the same split."""

import json

import numpy as np
import pytest

from tests.support import multimodal_corpora
from tfrecords.stages import multimodal
from trainers.multimodal import baselines


@pytest.mark.parametrize("title", [None, "A", "1"])
def test_images_without_any_word_have_a_baseline(tmp_path, title):
    path = multimodal_corpora.write_jsonl(tmp_path)
    without_texts = [
        {name: row[name] for name in ("image", "label")} | {"title": title}
        for row in map(json.loads, path.read_text("utf-8").splitlines())
    ]
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in without_texts), "utf-8"
    )
    records = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(path, tmp_path / "records")
    )
    assert set(baselines.baselines(records)) == {"small pictures"}


@pytest.mark.parametrize("classes", [[0, 1], [0, 2, 3]])
def test_a_baseline_predicts_two_classes_and_some_of_many(rng, classes):
    labels = np.repeat(classes, 20)
    rows = np.eye(4)[labels] + 0.1 * rng.normal(size=(len(labels), 4))
    logits = baselines.fit_logits(
        rows, labels, rows, inverse_penalty=10.0, num_classes=4
    )
    assert logits.shape == (len(labels), 4)
    np.testing.assert_array_equal(logits.argmax(axis=1), labels)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1)
