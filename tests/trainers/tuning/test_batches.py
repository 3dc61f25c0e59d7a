"""Batches of a tuning."""

import dataclasses

import numpy as np
import pytest

from trainers.tuning.batches import TokenSource, cut, order
from trainers.tuning.texts import Texts, draw, hold_out


def _texts(count: int, seed: int = 0) -> Texts:
    lengths = np.random.default_rng(seed).integers(3, 40, count)
    ids = np.where(np.arange(40) < lengths[:, None], 7, 0).astype(np.int32)
    ids[:, 1] = np.arange(count) + 1
    labels = (np.arange(count) % 3).astype(np.int32)
    return Texts(ids, lengths, labels, [f"id{i}" for i in range(count)])


@pytest.mark.parametrize(("count", "size"), [(1, 1), (50, 8), (700, 3)])
def test_a_pass_has_each_text_at_most_once_in_whole_batches(count, size):
    lengths = _texts(count).lengths
    batches = order(lengths, size, seed=3, number=2)
    assert batches.shape == (count // size, size)
    assert len(np.unique(batches)) == batches.size
    np.testing.assert_array_equal(batches, order(lengths, size, 3, 2))
    if count > 1:
        assert (batches != order(lengths, size, 3, 1)).any()


def test_hardly_anything_is_padded():
    texts = _texts(700)
    batches = order(texts.lengths, 8, 0, 0)
    widths = [cut(texts, rows, 0).shape[1] for rows in batches]
    rounded = -(-texts.lengths[batches] // 16) * 16
    assert sum(widths) * 8 < 1.02 * rounded.sum()


def test_steps_of_parts_follow_one_another():
    texts = _texts(20)
    source = TokenSource(texts, batch_size=4, num_steps=3, seed=0, pad_id=0)
    steps = [
        (ids.numpy(), labels.numpy()) for ids, labels in source.dataset(1, 3)
    ]
    assert len(steps) == 6
    for step, (ids, labels) in enumerate(steps):
        rows = ids[:, 1] - 1
        names = [f"id{row}" for row in rows]
        assert source.ids(1, step) == names
        np.testing.assert_array_equal(labels, rows % 3)


@pytest.mark.parametrize("count", [6, 60, 3000])
def test_held_out_texts_are_of_all_classes_and_are_not_tuned_on(count):
    tuned, held_out = hold_out(_texts(count), seed=1)
    assert set(tuned.record_ids).isdisjoint(held_out.record_ids)
    assert len(tuned) + len(held_out) == count
    if count > 6:
        assert set(held_out.labels) == {0, 1, 2}
    assert len(held_out) == max(3, min(1000, count // 20))


@pytest.mark.parametrize("count", [4, 5, 7, 30])
def test_few_texts_of_many_classes_are_divided_too(count):
    texts = dataclasses.replace(
        _texts(count), labels=(np.arange(count) // 2).astype(np.int32)
    )
    tuned, held_out = hold_out(texts, seed=0)
    assert len(held_out) >= 1
    assert len(tuned) >= len(held_out)
    assert sorted(tuned.record_ids + held_out.record_ids) == sorted(
        texts.record_ids
    )


def test_a_limit_may_be_one_less_than_all_texts():
    rows = draw(np.arange(40) % 3, 39, seed=0)
    assert len(np.unique(rows)) == 39
