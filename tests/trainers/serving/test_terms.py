"""Terms: the words and n-grams of scikit-learn, by TensorFlow's ops."""

import collections
import re

import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer

from trainers.serving import terms

TEXTS = [
    "Hello, hello WORLD! a I'm 3d x_y 10,000 e-mail",
    "",
    " \t\r\n ",
    "x",
    "İSTANBUL'da IŞIK ısı",  # noqa: RUF001
    "Straße, MASSE, ΣΊΣΥΦΟΣ, Ёлка, naïve café",
    "日本語のテスト、中文分词。한국어 문장",
    "😀 go 👩‍👩‍👧 go\u200bgo\u00a0go ½ ² ④",
    "مرحبا بالعالم שלום",
    "a\x00b\x1fc one--two...three",
]
MARKS = "cafe\u0301 हिन्दी में"


def words_of(text):
    return [w.decode() for w in terms.words(tf.constant([text]))[0].numpy()]


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_of_scikit_learn(text):
    # Lowercased as Python does, the dot of a Turkish I is a combining mark.
    lowered = text.replace("İ", "i").lower()
    expected = re.findall(r"(?u)\b\w\w+\b", lowered)
    assert words_of(text.replace("İ", "i")) == expected


def test_combining_marks_stay_in_their_word():
    assert words_of(MARKS) == ["cafe\u0301", "हिन्दी", "में"]
    assert words_of("İyi") == ["i\u0307yi"]


def counts(text, kind):
    ragged = terms.hashes(tf.constant([text]), (kind,))[kind]
    return collections.Counter(ragged[0].numpy().tolist())


def hashed(expected):
    return collections.Counter(
        tf.strings.to_hash_bucket_fast(term, 2**62).numpy().item()
        for term in expected
    )


@pytest.mark.parametrize("text", TEXTS)
def test_terms_are_the_n_grams_of_scikit_learn(text):
    analyze = CountVectorizer(ngram_range=(1, 2)).build_analyzer()
    text = text.replace("İ", "i")
    assert counts(text, "words") == hashed(analyze(text))
    spaced = " ".join(words_of(text))
    analyze = CountVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), lowercase=False
    ).build_analyzer()
    expected = ["\x1f".join(term) for term in analyze(spaced)]
    assert counts(text, "characters") == hashed(expected)


def test_a_text_that_is_not_utf_8_has_terms():
    assert terms.words(tf.constant([b"good \xff\xfe film"]))[0].shape[0] == 2
