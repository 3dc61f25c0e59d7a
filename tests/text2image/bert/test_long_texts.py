"""Windows: every piece once, in windows of like lengths, averaged."""

import itertools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from text2image.bert import encoder, long_texts

CLS, SEP, PAD = 101, 102, 0
ROOM = 5


def naive(pieces, room):
    """The ids of a text's windows, in lists."""
    pieces = pieces[: room * long_texts.MOST_WINDOWS]
    count = max(1, -(-len(pieces) // room))
    cuts = [len(pieces) * number // count for number in range(count + 1)]
    return [
        [CLS, *pieces[start:stop], SEP]
        for start, stop in itertools.pairwise(cuts)
    ]


def joined(texts, room=ROOM):
    ragged = tf.ragged.constant(texts, tf.int32, ragged_rank=1)
    return long_texts.in_windows(ragged, tf.constant(room), CLS, SEP)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=6))
def test_every_piece_is_in_one_window_of_like_length(lengths):
    texts = [list(range(200, 200 + length)) for length in lengths]
    expected = [naive(text, ROOM) for text in texts]
    ids = joined(texts)
    assert ids.to_list() == [
        list(itertools.chain(*windows)) for windows in expected
    ]
    rows, sizes, owners = long_texts.split_windows(
        ids.to_tensor(PAD).numpy(), CLS, PAD
    )
    flat = [window for windows in expected for window in windows]
    assert [
        row[:size].tolist() for row, size in zip(rows, sizes, strict=True)
    ] == flat
    assert (rows[np.arange(rows.shape[1]) >= sizes[:, None]] == PAD).all()
    np.testing.assert_array_equal(
        owners, np.repeat(range(len(texts)), list(map(len, expected)))
    )
    windows = long_texts.LongTexts("windows", ROOM + 2)
    for text, row in zip(texts, ids.to_list(), strict=True):
        places = windows.places(np.array(row))
        assert [row[place] for place in places] == text[: windows.most - 2]
    whole = sizes[owners == np.argmax(lengths)]
    assert whole.max() - whole.min() <= 1
    first = ids[0]
    assert long_texts.ragged_windows(first, first, CLS).to_list() == expected[0]


@pytest.fixture(scope="module")
def tiny(tiny_bert: pathlib.Path):
    return encoder.Encoder(
        tiny_bert,
        layers="0-1",
        max_tokens=8,
        long_texts="windows",
        compiled=False,
    )


def test_a_long_text_has_the_mean_of_its_windows(tiny):
    # A piece each: two windows of six.
    words = ["a", "good", "film", "and", "a", "bad"] * 2
    parts = [" ".join(words[:6]), " ".join(words[6:])]
    seen = []
    stacks, lengths = tiny.encode(
        ["good", " ".join(words), ""], progress=seen.append
    )
    assert lengths.tolist() == [3, 14, 2]
    assert sum(seen) == 3
    alone, _ = tiny.encode(["good", *parts, ""])
    np.testing.assert_allclose(stacks[[0, 2]], alone[[0, 3]], atol=1e-6)
    np.testing.assert_allclose(stacks[1], alone[1:3].mean(axis=0), atol=1e-6)


def test_limits_count_the_pieces_of_all_windows():
    windows = long_texts.LongTexts("windows", 8)
    assert windows.most == long_texts.MOST_WINDOWS * 6 + 2
    assert windows.most_ids == long_texts.MOST_WINDOWS * 8
    assert windows.gap(1000) is None
    cut = long_texts.LongTexts("cut", 8)
    assert cut.most == cut.most_ids == 8
