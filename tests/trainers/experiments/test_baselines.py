"""The baselines beside every result."""

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing

from tests.support.damages import DAMAGES, damage
from tfrecords import reader
from trainers.experiments import baselines, kept_results
from trainers.training.inputs import Inputs, read_images


def _arrays(records):
    manifest = reader.open_records(records)
    return {
        split: (
            np.concatenate(
                [
                    batch["image"]
                    for batch in read_images(records, split, manifest)
                ]
            ).reshape(manifest.num_examples(split), -1),
            baselines.labels_of(records)[split],
        )
        for split in manifest.splits
    }


def test_empty_pixels_are_left_out_and_change_nothing(make_image_records):
    def empty_half(split, index, image):
        image[: len(image) // 2] = 0

    records = make_image_records(num_train=64, spoil=empty_half)
    result = baselines.logistic_regression(records, "image")
    arrays = _arrays(records)
    whole = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(),
        sklearn.linear_model.LogisticRegression(C=1e-3, max_iter=300),
    ).fit(*arrays["train"])
    predictions = whole.predict(arrays["validation"][0])
    assert result["predictions"] == predictions.tolist()
    assert result["accuracy"] == (predictions == arrays["validation"][1]).mean()
    assert result["model"].endswith("C = 0.001")


def test_a_result_is_kept_until_the_records_change(make_image_records):
    records = make_image_records()
    first = baselines.logistic_regression(records, "image")
    path = records.parent / "baselines.json"
    before = path.stat().st_mtime_ns
    assert baselines.logistic_regression(records, "image") == first
    assert path.stat().st_mtime_ns == before
    assert kept_results.read(path, "another fingerprint") is None


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_result_is_made_again(make_image_records, caplog, kind):
    records = make_image_records(num_train=8, num_validation=4)
    first = baselines.logistic_regression(records, "image")
    path = records.parent / "baselines.json"
    whole = damage(path, kind)
    assert baselines.logistic_regression(records, "image") == first
    assert path.read_bytes() == whole
    if kind != "deleted":
        assert f"{path} is damaged" in caplog.text
        assert "It is made again." in caplog.text


def test_the_majority_is_that_of_the_train_split():
    labels = {
        "train": np.array([1, 1, 0]),
        "validation": np.array([0, 0, 1, 0]),
    }
    result = baselines.majority(labels)
    assert result["predictions"] == [1, 1, 1, 1]
    assert result["accuracy"] == 0.25


def test_more_features_get_a_heavier_penalty(rng):
    def splits(num_features):
        rows = rng.normal(size=(20, num_features)).astype(np.float32)
        return {
            name: (rows.copy(), np.arange(20) % 2)
            for name in ("train", "validation")
        }

    result = baselines.fit_logistic_regression(splits(4608), "rows")
    assert result["model"] == "logistic regression on rows, C = 0.0005"


def test_maps_beyond_the_memory_are_fitted_to_fewer_texts(
    rng, tmp_path, monkeypatch
):
    labels = rng.integers(0, 2, 600)
    maps = rng.normal(size=(600, 2, 2, 3)).astype(np.float32)
    maps[..., 0] += 2 * labels[:, None, None]
    maps[:, 0, 0, 1] = 7  # does not vary
    sides = {"train": slice(0, 300), "validation": slice(300, 600)}
    inputs = {
        name: Inputs(maps[rows].copy(), labels[rows], [""] * 300)
        for name, rows in sides.items()
    }
    flat = maps.reshape(600, -1)[:, maps[:300].reshape(300, -1).std(0) > 0]

    def expected(train):
        return baselines.fit_logistic_regression(
            {
                "train": (flat[train].copy(), labels[train]),
                "validation": (flat[300:].copy(), labels[300:]),
            },
            "",
        )["predictions"]

    whole = baselines.frozen_maps(inputs, tmp_path / "whole.json", "")
    assert whole["predictions"] == expected(np.arange(300))
    monkeypatch.setattr(baselines, "_MAPS_BYTES", 100 * 4 * flat.shape[1])
    fewer = baselines.frozen_maps(inputs, tmp_path / "fewer.json", "")
    drawn = np.random.default_rng(0).choice(300, 100, replace=False)
    assert fewer["predictions"] == expected(np.sort(drawn))
    assert (fewer["num_train"], fewer["num_validation"]) == (100, 300)
    assert "feature maps of 100 train texts" in fewer["model"]
