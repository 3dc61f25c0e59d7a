"""Token ids equal Hugging Face's; every byte string is a text."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiny_bert_texts import TEXTS
from text2image.bert import tokenizer
from text2image.bert.cleaning import clean_text
from text2image.bert.wordpiece import WordPiece, bert_steps

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"


def build(*, lowercase=True, long_texts="cut", clean="none"):
    words = (GOLDEN / "tiny_bert" / "vocab.txt").read_text("utf-8")
    return tokenizer.Tokenizer(
        WordPiece(words.splitlines(), bert_steps(lowercase=lowercase)),
        long_texts,
        clean,
    )


@pytest.fixture(scope="module")
def tiny():
    return build()


def ids_of(tokens, texts, max_tokens=64):
    ids, lengths = tokens.ids(tf.constant(texts), tf.constant(max_tokens))
    return ids.numpy(), lengths.numpy()


def pieces(tokens, text):
    return [tokens.vocabulary[i] for i in ids_of(tokens, [text])[0][0]]


@pytest.mark.parametrize("row", range(len(TEXTS)))
def test_ids_equal_hugging_faces(tiny, row):
    with np.load(GOLDEN / "tiny_bert.npz") as golden:
        expected = golden["token_ids"][row]
    ids, _ = ids_of(tiny, [TEXTS[row]])
    np.testing.assert_array_equal(ids[0], np.trim_zeros(expected, "b"))


def test_ids_in_one_batch_equal_hugging_faces(tiny):
    with np.load(GOLDEN / "tiny_bert.npz") as golden:
        expected = golden["token_ids"]
    ids, _ = ids_of(tiny, list(TEXTS))
    np.testing.assert_array_equal(ids, expected[:, : ids.shape[1]])


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("CAFÉ", "cafe"),
        ("cafe\u0301", "cafe"),
        ("a\xa0film", "a film"),
        ("a\u2028film", "a film"),
        ("a\t\r\nfilm", "a film"),
        ("a\x00film", "afilm"),
        ("a\x85film", "afilm"),
        ("a\xadfilm", "afilm"),
        ("a\u200bfilm", "afilm"),
        ("\ufeffa film", "a film"),
        ("a\ufffdfilm", "afilm"),
        (b"a\xfffilm", "afilm"),
        (b"a \xc3 film", "a  film"),
        (b"a \xed\xa0\x80 film", "a film"),
        (b"\xc0\x80a film", "a film"),
    ],
)
def test_unusual_characters_are_deleted_or_folded(tiny, text, same_as):
    np.testing.assert_array_equal(
        ids_of(tiny, [text])[0], ids_of(tiny, [same_as])[0]
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00", b"\xff\xfe"])
def test_a_text_without_tokens_is_cls_and_sep(tiny, text):
    assert pieces(tiny, text) == ["[CLS]", "[SEP]"]


def test_special_tokens_in_a_text_are_ordinary_characters(tiny):
    got = pieces(tiny, "a [SEP] film [PAD] [CLS] [MASK]")
    assert got[0] == "[CLS]"
    assert got[-1] == "[SEP]"
    assert not {"[SEP]", "[PAD]", "[CLS]", "[MASK]"} & set(got[1:-1])


def test_a_cased_tokenizer_keeps_case_and_accents():
    cased = build(lowercase=False)
    assert pieces(cased, "film Film")[1:3] == ["film", "[UNK]"]
    assert pieces(cased, "café") == ["[CLS]", "[UNK]", "[SEP]"]


@pytest.mark.parametrize("max_tokens", [3, 4, 10, 64])
def test_the_tail_is_cut_and_counted(tiny, max_tokens):
    ids, lengths = ids_of(tiny, ["film " * 90, "a film"], max_tokens)
    np.testing.assert_array_equal(lengths, [92, 4])
    assert ids.shape == (2, max_tokens)
    assert tiny.vocabulary[ids[0, -1]] == "[SEP]"
    assert tiny.vocabulary[ids[0, 0]] == "[CLS]"
    assert set(ids[0, 1:-1]) == {tiny.vocabulary.index("film")}


def test_a_batch_is_padded_to_its_longest_text(tiny):
    ids, lengths = ids_of(tiny, ["a film", "a great film", ""])
    np.testing.assert_array_equal(lengths, [4, 5, 2])
    assert ids.shape == (3, 5)
    np.testing.assert_array_equal(ids[2, 2:], tiny.pad_id)


def test_other_texts_of_a_batch_do_not_change_the_ids(tiny):
    alone = [ids_of(tiny, [text])[0][0] for text in TEXTS]
    together, _ = ids_of(tiny, list(TEXTS))
    for ids, row in zip(alone, together, strict=True):
        np.testing.assert_array_equal(row[: len(ids)], ids)
        assert (row[len(ids) :] == tiny.pad_id).all()


@settings(max_examples=40, deadline=None)
@given(text=st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_any_bytes_give_ids_of_the_vocabulary(tiny, text):
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    ids, lengths = ids_of(tiny, [text])
    assert ids.shape[1] == min(lengths[0], 64)
    assert ((ids >= 0) & (ids < len(tiny.vocabulary))).all()


def test_tokenising_is_traced_once(tiny):
    ids_of(tiny, ["a"])
    before = tiny.ids.experimental_get_tracing_count()
    ids_of(tiny, ["a film", "another"], 5)
    assert tiny.ids.experimental_get_tracing_count() == before == 1


@pytest.mark.slow
def test_ids_equal_hugging_faces_with_a_real_vocabulary(shared_data):
    from tests.support import minilm_texts

    words = shared_data / "models" / "minilm_l6_uncased" / "vocab.txt"
    real = tokenizer.Tokenizer(
        WordPiece(
            words.read_text("utf-8").splitlines(), bert_steps(lowercase=True)
        )
    )
    with np.load(GOLDEN / "minilm.npz") as golden:
        expected = golden["ids"]
    ids, _ = ids_of(real, list(minilm_texts.TEXTS), 512)
    np.testing.assert_array_equal(ids, expected)


def test_memory_is_linear_in_the_longest_word_and_text(tiny):
    long = "x" * 200_000
    texts = [long, "a film " * 30_000, *["a film"] * 20_000]
    ids, lengths = ids_of(tiny, texts)
    assert lengths[:3].tolist() == [3, 60_002, 4]
    assert ids[0, 1] == tiny.unk_id


@pytest.mark.parametrize("clean", ["html", "basic"])
def test_ids_of_a_text_are_those_of_the_cleaned_text(clean):
    text = "A <b>GOOD</b> f&#x69;lm&#46;<br /><br />Bad, see http://a.b/film."
    cleaned = clean_text(text, clean)
    if clean == "basic":
        cleaned = cleaned.lower()
    ids, lengths = ids_of(build(lowercase=False, clean=clean), [text], 8)
    expected, counted = ids_of(build(lowercase=False), [cleaned], 8)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(lengths, counted)


HEAD_TAIL = build(long_texts="head_tail")
CUT = build()


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "good", "bad", "film", "."])).map(
            " ".join
        ),
        min_size=1,
    ),
    st.integers(3, 24),
)
@settings(deadline=None, max_examples=30)
def test_head_and_tail_are_the_ends_of_a_text(texts, most):
    ids, lengths = ids_of(HEAD_TAIL, texts, most)
    whole, counted = ids_of(CUT, texts, 1000)
    np.testing.assert_array_equal(lengths, counted)
    room = most - 2
    head = room * 128 // 510
    for row, expected, length in zip(ids, whole, lengths, strict=True):
        expected = expected[:length]
        if length > most:
            tail = expected[length - 1 - (room - head) : length - 1]
            expected = [*expected[: head + 1], *tail, expected[-1]]
        np.testing.assert_array_equal(row[: len(expected)], expected)
        assert (row[len(expected) :] == HEAD_TAIL.pad_id).all()


def test_of_512_tokens_128_are_the_head_and_382_the_tail():
    text = "good " * 128 + "film " * 90 + "bad " * 382
    ids, lengths = ids_of(HEAD_TAIL, [text], 512)
    assert lengths == [602]
    good, bad = (HEAD_TAIL.vocabulary.index(word) for word in ("good", "bad"))
    assert ids[0, 1:-1].tolist() == [good] * 128 + [bad] * 382
