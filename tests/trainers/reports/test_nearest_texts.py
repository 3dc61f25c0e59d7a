"""Nearest train images, against all of them at once; texts by id."""

import numpy as np
import pytest

from tests.support import record_sets
from tfrecords import reader
from trainers.reports import nearest_texts
from trainers.training.inputs import read_images


@pytest.mark.parametrize("most", [20_000, 40])
def test_neighbours_are_the_nearest_of_what_is_compared(
    make_image_records, monkeypatch, most
):
    records = make_image_records(num_train=150, num_validation=8)
    manifest = reader.open_records(records)
    monkeypatch.setattr(nearest_texts, "_MOST_COMPARED", most)

    def rows(split):
        batches = list(read_images(records, split, manifest))
        images = np.concatenate([batch["image"] for batch in batches])
        return images, images.reshape(len(images), -1)

    mean = rows("train")[0].mean(axis=0)
    ids = ["validation-3", "validation-0"]
    found = nearest_texts.find_neighbours(records, manifest, ids, mean)
    train = rows("train")[1] - mean.ravel()
    for key, nearest in zip(ids, found, strict=True):
        row = rows("validation")[1][int(key[-1])] - mean.ravel()
        cosines = train @ row
        cosines /= np.linalg.norm(train, axis=1) * np.linalg.norm(row)
        similarities = [each.similarity for each in nearest]
        assert similarities == sorted(similarities, reverse=True)
        for each in nearest:
            number = int(each.id.removeprefix("train-"))
            assert each.label == number % 2
            assert each.similarity == pytest.approx(cosines[number], abs=1e-5)
        if most > 150:
            np.testing.assert_allclose(
                similarities, np.sort(cosines)[::-1][:3], atol=1e-5
            )
        else:
            numbers = [int(each.id.removeprefix("train-")) for each in nearest]
            starts = np.linspace(0, 148, 20).astype(int)
            assert set(numbers) <= {*starts, *(starts + 1)}


def test_texts_are_found_in_both_splits_and_gone_with_their_records(tmp_path):
    directory = tmp_path / "cls"
    shards = record_sets.shards_of({"train": [5, 4], "validation": [3]})
    record_sets.write_set(directory, shards)
    ids = {"key-1", "key-8", "key-10"}
    texts = nearest_texts.find_texts(directory, ids)
    assert texts == {
        key: f"text {key.removeprefix('key-')}\n\N{SNOWMAN}" for key in ids
    }
    assert nearest_texts.find_texts(None, ids) == {}
