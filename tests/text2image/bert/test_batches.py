"""Batches come in a small set of shapes, chosen for the least time."""

import itertools

import numpy as np
import pytest

from text2image.bert import batches


def choose(lengths, num_texts=None, **changes):
    settings = {"max_tokens": 64, "most": 4, "compilation_tokens": 30}
    return batches.choose_widths(
        np.array(lengths), num_texts or len(lengths), **{**settings, **changes}
    )


def padded(widths, lengths):
    return sum(min(w for w in widths if w >= length) for length in lengths)


@pytest.mark.parametrize("seed", range(8))
def test_no_other_set_costs_less(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 81, 12)
    cost, share = rng.integers(0, 200), 3

    def total(widths):
        return share * padded(widths, lengths) + cost * len(widths)

    chosen = choose(
        lengths,
        share * len(lengths),
        max_tokens=80,
        most=3,
        compilation_tokens=cost,
    )
    every = [
        (*smaller, 80)
        for count in range(3)
        for smaller in itertools.combinations((16, 32, 48, 64), count)
    ]
    assert total(chosen) == min(map(total, every))


@pytest.mark.parametrize("max_tokens", [3, 16, 17, 100, 512])
def test_the_widest_holds_any_text(max_tokens):
    for lengths in ([], [2], [max_tokens] * 3):
        widths = choose(lengths, 9, max_tokens=max_tokens)
        assert widths[-1] == max_tokens
        assert list(widths) == sorted(set(widths))


def test_many_texts_pay_for_more_widths_but_never_for_more_than_the_most():
    lengths = np.random.default_rng(0).integers(2, 513, 1000)
    counts = [
        len(choose(lengths, n, max_tokens=512, compilation_tokens=12_600))
        for n in (10, 1000, 10_000, 10**6)
    ]
    assert counts == [1, 4, 4, 4]
    free = choose(lengths, max_tokens=512, most=40, compilation_tokens=0)
    assert len(free) == 32


def test_every_text_is_in_one_batch_of_a_chosen_shape():
    rng = np.random.default_rng(0)
    shapes = batches.Shapes((16, 48, 64), 100)
    lengths = rng.integers(2, 65, 50)
    dealt = list(shapes.batches(lengths))
    texts = np.concatenate([batch.texts for batch in dealt])
    assert sorted(texts) == list(range(50))
    assert {(b.rows, b.width) for b in dealt} == {(6, 16), (2, 48), (1, 64)}
    for batch in dealt:
        assert len(batch.texts) <= batch.rows
        assert lengths[batch.texts].max() <= batch.width


def test_a_batch_has_a_row_even_above_the_budget():
    assert batches.Shapes((512,), 100).rows(512) == 1
