"""Token ids equal Hugging Face's; every byte string is a text."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.golden import make_tiny_bert_texts
from text2image import tokenizer

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def tiny(tiny_bert):
    words = (pathlib.Path(tiny_bert) / "vocab.txt").read_text("utf-8")
    return tokenizer.Tokenizer(words.splitlines(), lowercase=True)


def ids_of(tokens, texts, max_tokens=64):
    ids, lengths = tokens.ids(tf.constant(texts), tf.constant(max_tokens))
    return ids.numpy(), lengths.numpy()


def pieces(tokens, text):
    return [tokens.vocabulary[i] for i in ids_of(tokens, [text])[0][0]]


@pytest.mark.parametrize("text", make_tiny_bert_texts.TEXTS)
def test_ids_equal_hugging_faces(tiny, text):
    row = make_tiny_bert_texts.TEXTS.index(text)
    with np.load(GOLDEN / "tiny_bert.npz") as golden:
        expected = golden["token_ids"][row]
    ids, _ = ids_of(tiny, [text])
    np.testing.assert_array_equal(ids[0], np.trim_zeros(expected, "b"))
