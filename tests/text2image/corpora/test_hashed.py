"""The hashed split: shares within sampling error, equal texts together."""

import collections
import math

import numpy as np
import pytest

from tests.text2image.corpora.test_split import (
    assert_nothing_across,
    make,
    rows,
)
from text2image.corpora import hashed, sides, split
from tfrecords.config import RecordsConfig

SHARES = (sides.SHARES, {sides.VALIDATION: 0.1, sides.TEST: 0.3})


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("shares", SHARES)
def test_every_side_has_its_share_within_4_sigma(seed, shares):
    count = 20_000
    counts = collections.Counter(
        hashed.side_of(f"text {number}", seed, shares)
        for number in range(count)
    )
    for side, share in shares.items():
        sigma = math.sqrt(count * share * (1 - share))
        assert abs(counts[side] - count * share) <= 4 * sigma
    assert set(counts) == {sides.TRAIN, *shares}


def test_seeds_draw_independent_sides():
    drawn = np.array(
        [
            [hashed.side_of(f"text {n}", seed) for n in range(5000)]
            for seed in (0, 1, 10)
        ]
    )
    for one, other in ((0, 1), (0, 2), (1, 2)):
        both = np.mean(drawn[one] & drawn[other])
        assert abs(both - 0.04) <= 4 * math.sqrt(0.04 * 0.96 / 5000)


def test_sides_do_not_change_between_versions():
    drawn = [hashed.side_of(f"Text  {n}", seed=7) for n in range(24)]
    assert "".join(map(str, drawn)) == "000000100001001000010000"


@pytest.mark.parametrize("copy", ["A  b", " a\nb", "a B"])
def test_copies_have_the_side_of_the_text(copy):
    for seed in range(30):
        assert hashed.side_of(copy, seed) == hashed.side_of("a b", seed)


@pytest.mark.parametrize("shares", SHARES)
def test_the_split_of_a_corpus_is_the_side_of_each_text(shares):
    pairs = [*rows(400), *[(text.upper(), label) for text, label in rows(60)]]
    parts = {
        "train": [*pairs, ("open", None)],
        "test": [("TEXT  3", "pos"), *rows(40, start=600)],
    }
    result = split.split_corpus(
        make(parts), protocol="hashed", seed=5, shares=shares
    )
    expected = [
        hashed.side_of(text, 5, shares) if label else sides.UNUSED
        for part in parts.values()
        for text, label in part
    ]
    np.testing.assert_array_equal(result.side, expected)
    assert_nothing_across(parts, result)
    assert result.audit["left_out"] == 0


def test_a_class_that_a_side_lacks_is_refused_with_a_cure():
    pairs = [*rows(400), ("rare", "one")]
    with pytest.raises(ValueError, match="--split=pooled, or --min_class_size"):
        split.split_corpus(make({"train": pairs}), protocol="hashed")


@pytest.mark.parametrize("name", ["limit_train", "limit_validation"])
def test_limits_are_refused_before_anything_is_read(name):
    limit = {name: 10}
    message = f"--{name}=10 draws.*Omit --{name}, or use --split=pooled"
    with pytest.raises(ValueError, match=message):
        split.split_corpus(make({}), protocol="hashed", **limit)
    with pytest.raises(ValueError, match=message):
        RecordsConfig(split="hashed", **limit)
