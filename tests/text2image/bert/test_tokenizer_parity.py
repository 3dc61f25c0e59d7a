"""Ids equal the tokenizers library's, for every setting and character."""

import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, normalizers

from tests.support import library_tokenizers
from text2image import allowed_ops
from text2image.bert import tokenizer, wordpiece_files

TEXTS = library_tokenizers.hostile_texts(300)
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
SETTINGS = (
    "lowercase",
    "strip_accents",
    "handle_chinese_chars",
    "clean_text",
)
ADDED = (
    AddedToken("<url>", normalized=False),
    AddedToken("[USER]", special=True, normalized=False),
    AddedToken("hello", normalized=True),
    AddedToken("ll", normalized=False, single_word=True),
    AddedToken("Film", normalized=True, single_word=True),
    AddedToken("lo", normalized=False, lstrip=True, rstrip=True),
    AddedToken("new york", normalized=True),
    AddedToken("P]a", normalized=False),
    AddedToken("é", normalized=True),
    AddedToken("lol", normalized=False),
)


def opened(library, directory):
    library.save(str(directory / "tokenizer.json"))
    return tokenizer.Tokenizer(wordpiece_files.read_wordpiece(directory))


def ids_of(ours, texts):
    ids, lengths = ours.ids(tf.constant(texts), tf.constant(1 << 20))
    return [
        row[:length].tolist()
        for row, length in zip(ids.numpy(), lengths.numpy(), strict=True)
    ]


def check(library, ours, texts):
    reference = library_tokenizers.without_frame(library)
    expected = [row.ids for row in reference.encode_batch(texts)]
    differ = [
        (text, reference.decode(one), reference.decode(other))
        for text, one, other in zip(
            texts, expected, ids_of(ours, texts), strict=True
        )
        if one != other
    ]
    assert not differ, f"{len(differ)} of {len(texts)}: {differ[:3]}"


@pytest.mark.parametrize(
    "normalizer",
    [
        normalizers.BertNormalizer(),
        normalizers.BertNormalizer(lowercase=False),
        normalizers.BertNormalizer(strip_accents=False),
        normalizers.BertNormalizer(
            lowercase=False,
            strip_accents=True,
            handle_chinese_chars=False,
            clean_text=False,
        ),
        normalizers.Sequence(
            [
                normalizers.NFD(),
                normalizers.Lowercase(),
                normalizers.StripAccents(),
                normalizers.Strip(),
            ]
        ),
        normalizers.Sequence([normalizers.Lowercase(), normalizers.NFD()]),
    ],
    ids=str,
)
def test_hostile_texts_have_the_ids_of_the_library(normalizer, tmp_path):
    library = library_tokenizers.build(normalizer)
    codes = random.Random(1).sample(CODES, 3000)
    texts = [*TEXTS, *(f"ab{chr(code)}cd the" for code in codes)]
    check(library, opened(library, tmp_path), texts)


@pytest.mark.parametrize("lowercase", [True, False])
def test_added_tokens_are_found_as_the_library_does(lowercase, tmp_path):
    library = library_tokenizers.build(
        normalizers.BertNormalizer(lowercase=lowercase), added=ADDED
    )
    check(library, opened(library, tmp_path), [*TEXTS, "lolol", "lolo", "llo"])


@pytest.mark.parametrize("max_characters", [0, 5])
def test_the_limit_of_a_word_is_in_characters(max_characters, tmp_path):
    library = library_tokenizers.build(
        max_characters=max_characters, added=ADDED[:2], digits=True
    )
    check(library, opened(library, tmp_path), TEXTS)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    library = library_tokenizers.build(added=ADDED)
    return library, opened(library, tmp_path_factory.mktemp("tokenizer"))


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_any_texts_have_the_ids_of_the_library(both, texts):
    check(*both, texts)


def test_a_saved_model_has_the_same_ids_and_allowed_ops_only(both, tmp_path):
    _, ours = both

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def tokens(self, text):
            return ours.ids(text, tf.constant(512))

    module = Module()
    tf.saved_model.save(module, str(tmp_path), module.tokens)
    loaded = tf.saved_model.load(str(tmp_path))
    texts = tf.constant(TEXTS)
    for one, other in zip(
        loaded.tokens(texts), ours.ids(texts, tf.constant(512)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert not list(allowed_ops.stray_ops(tmp_path))


# All that Unicode assigns, and every 97th of what is private or unassigned.
# All characters and combinations of settings were compared on 2026-11-29.
_ASSIGNED = [
    code
    for number, code in enumerate(CODES)
    if code < 0x34000 or code >> 9 == 0xE0000 >> 9 or not number % 97
]


# Every value of every setting.
@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        (True, None, True, True),
        (True, False, False, True),
        (False, True, True, False),
    ],
)
def test_every_assigned_character_has_the_ids_of_the_library(values, tmp_path):
    chosen = dict(zip(SETTINGS, values, strict=True))
    letters = [
        piece
        for code in range(33, 0x30000)
        if not 0xD800 <= code < 0xE000
        for piece in (chr(code), f"##{chr(code)}")
    ]
    words = [*library_tokenizers.FRAME, "the", "ab", *letters]
    library = library_tokenizers.build(
        normalizers.BertNormalizer(**chosen), words=words
    )
    texts = [text for c in _ASSIGNED for text in (f"ab{chr(c)}cd the", chr(c))]
    ours = opened(library, tmp_path)
    for start in range(0, len(texts), 100_000):
        check(library, ours, texts[start : start + 100_000])
