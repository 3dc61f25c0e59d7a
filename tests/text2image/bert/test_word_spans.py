"""Words of a text: each token in one of them, each where it is read."""

import itertools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import hostile_texts
from text2image.bert import tokenizer
from text2image.bert.cleaning import blank_out
from text2image.bert.long_texts import LongTexts
from text2image.bert.word_spans import find_words
from text2image.bert.wordpiece import AddedToken, WordPiece, bert_steps

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
MAX_TOKENS = 32


def build(long_texts="cut", clean="none", **settings):
    words = (GOLDEN / "tiny_bert" / "vocab.txt").read_text("utf-8")
    tokens = tokenizer.Tokenizer(
        WordPiece(
            [*words.splitlines(), "©", "##©", "##t"],
            bert_steps(lowercase=True),
            **settings,
        ),
        long_texts,
        clean,
    )

    def tokenize(texts):
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        ids, lengths = tokens.ids(
            tf.constant(encoded, tf.string), tf.constant(MAX_TOKENS)
        )
        rows = zip(ids.numpy(), lengths.numpy(), strict=True)
        return [row[: min(length, MAX_TOKENS)] for row, length in rows]

    return tokenize


@pytest.fixture(scope="module")
def tokenize():
    return build()


def spans_of(text, tokenize):
    (ids,) = tokenize([text])
    return ids, find_words(text, ids, tokenize)


def words_of(text, tokenize):
    return [text[word.start : word.end] for word in spans_of(text, tokenize)[1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\u3000", []),
        ("\x00\u200b", []),
        ("A good, bad film.", ["A", "good", ",", "bad", "film", "."]),
        ("don't", ["don", "'", "t"]),
        ("a\tgood\xa0\r\nfilm", ["a", "good", "film"]),
        ("good\u200bfilm bad", ["good\u200bfilm", "bad"]),
        ("cafe\u0301 a", ["cafe\u0301", "a"]),
        ("電影好", ["電", "影", "好"]),
        ("\U0001f600 a", ["\U0001f600", "a"]),
        # Not punctuation to BERT: pieces of one word.
        ("bad©t bad", ["bad©t", "bad"]),
        ("a\udfff good", ["a\udfff", "good"]),
        ("a\x1cgood film", ["a\x1cgood", "film"]),
    ],
)
def test_words_are_found_where_they_are(tokenize, text, words):
    assert words_of(text, tokenize) == words


def test_a_token_over_a_blank_is_one_word():
    tokenize = build(
        added_tokens=(AddedToken("new york", 1), AddedToken("x y z", 2))
    )
    text = "a new york film, x y z good new"
    assert words_of(text, tokenize) == [
        *("a", "new york", "film", ",", "x y z", "good", "new")
    ]


def test_ids_that_no_piece_explains_are_one_word(tokenize):
    (ids,) = tokenize(["a good film"])
    words = find_words("a bad film", ids, tokenize)
    assert [(w.start, w.end, w.first, w.stop) for w in words] == [
        (0, 1, 1, 2),
        (2, 10, 2, 4),
    ]
    words = find_words("a good", ids, tokenize)
    assert [(w.start, w.end, w.first, w.stop) for w in words] == [
        (0, 1, 1, 2),
        (2, 6, 2, 4),
    ]


def check(text, tokenize):
    ids, words = spans_of(text, tokenize)
    positions = [i for word in words for i in range(word.first, word.stop)]
    assert positions == list(range(1, len(ids) - 1))
    end = 0
    for word in words:
        assert end <= word.start < word.end <= len(text)
        end = word.end
    return ids, words


@given(
    st.lists(
        st.one_of(
            st.text(max_size=6),
            st.sampled_from(["good", "film", " ", "©t", "\u0301", "影", "-"]),
        )
    ).map("".join)
)
@settings(deadline=None)
def test_tokens_are_dealt_to_words_in_order(text):
    tokenize = _TOKENIZE
    ids, words = check(text, tokenize)
    # The words' own ids, side by side, are those of the text.
    alone = tokenize([text[word.start : word.end] for word in words])
    joined = [int(value) for row in alone for value in row[1:-1]]
    np.testing.assert_array_equal(joined[: len(ids) - 2], ids[1:-1])


_TOKENIZE = build()


@pytest.mark.parametrize("row", range(len(hostile_texts.HOSTILE)))
def test_hostile_texts_have_words_too(tokenize, row):
    try:
        text = hostile_texts.HOSTILE[row].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = hostile_texts.HOSTILE[row].decode("utf-8", "replace")
    check(text, tokenize)


def test_a_long_text_costs_no_more_than_its_tokens(tokenize):
    calls = []

    def counted(texts):
        calls.append(len(texts))
        return tokenize(texts)

    (ids,) = tokenize(["good film, " * 100_000])
    words = find_words("good film, " * 100_000, ids, counted)
    assert len(words) == MAX_TOKENS - 2
    assert sum(calls) < 2000


def test_words_of_a_cleaned_text_are_found_in_the_text_itself():
    text = "good<br /><br />film<i>s</i> AT&amp;T see http://a.b/film bad"
    tokenize = build(clean="basic")
    (ids,) = tokenize([text])
    words = find_words(blank_out(text, "basic"), ids, tokenize)
    assert [text[word.start : word.end] for word in words] == [
        *("good", "film", "s", "AT&amp;T", "see", "bad")
    ]
    positions = [i for word in words for i in range(word.first, word.stop)]
    assert positions == list(range(1, len(ids) - 1))


_HEAD_TAIL = build(long_texts="head_tail")
_GAP = 30 * 128 // 510


def spans_around_a_gap(text):
    (ids,) = _HEAD_TAIL([text])
    gap = LongTexts("head_tail", MAX_TOKENS).gap(len(ids))
    return ids, find_words(text, ids, _HEAD_TAIL, gap)


@given(
    st.lists(
        st.sampled_from(["good", "film", "bad", "don't", "影", "-", "©t"]),
        max_size=80,
    ).map(" ".join)
)
@settings(deadline=None)
def test_tokens_around_a_gap_are_dealt_to_words_in_order(text):
    ids, words = spans_around_a_gap(text)
    positions = [i for word in words for i in range(word.first, word.stop)]
    assert positions == list(range(1, len(ids) - 1))
    for word in words:
        if word.first <= _GAP < word.stop - 1 or word.stop == len(ids) - 1:
            continue  # parts of it may be missing
        alone = _HEAD_TAIL([text[word.start : word.end]])[0][1:-1].tolist()
        kept = ids[word.first : word.stop].tolist()
        assert kept in (alone[: len(kept)], alone[-len(kept) :])
    assert all(a.end <= b.start for a, b in itertools.pairwise(words))


def test_words_of_head_and_tail_are_found_where_they_are():
    text = "good " * 7 + "film " * 50 + "bad " * 23
    _, words = spans_around_a_gap(text)
    assert [text[word.start : word.end] for word in words] == (
        ["good"] * 7 + ["bad"] * 23
    )
    assert words[7].start == 7 * 5 + 50 * 5


def test_a_word_with_tokens_on_both_sides_of_a_gap_is_one_word():
    text = "a " + "©t" * 40 + " film"
    ids, words = spans_around_a_gap(text)
    assert len(ids) == MAX_TOKENS
    assert [(w.start, w.end, w.first, w.stop) for w in words] == [
        (0, 1, 1, 2),
        (2, 82, 2, 30),
        (83, 87, 30, 31),
    ]
