"""Hugging Face's tokeniser files: what is read, what is refused by field."""

import json

import pytest
import tensorflow as tf
from tokenizers import AddedToken, normalizers

from tests.support import library_tokenizers
from text2image.bert import tokenizer, wordpiece, wordpiece_files

WORDS = library_tokenizers.vocabulary()


def write(directory, **files):
    for name, content in files.items():
        name = name.replace("__", ".")
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / name).write_text(text, "utf-8", newline="")
    return directory


def with_library(directory, change=lambda content: None, **chosen):
    content = json.loads(library_tokenizers.build(**chosen).to_str())
    change(content)
    return write(directory, tokenizer__json=content)


def read(directory):
    return wordpiece_files.read_wordpiece(directory)


CASED, UNCASED = (
    wordpiece.bert_steps(lowercase=lowercase) for lowercase in (False, True)
)


def test_tokenizer_json_overrules_all_other_files(tmp_path):
    with_library(
        tmp_path, normalizer=normalizers.BertNormalizer(lowercase=False)
    )
    write(
        tmp_path,
        vocab__txt="[PAD]\n[UNK]\nother\n",
        tokenizer_config__json={"do_lower_case": True},
    )
    found = read(tmp_path)
    assert found.normalizer == CASED
    assert found.vocabulary == WORDS
    assert "tokenizer.json is followed" in " ".join(found.notes)


@pytest.mark.parametrize("flag", [{}, {"tokenizer_class": "BertTokenizerFast"}])
def test_a_cased_tokenizer_json_needs_no_flag(tmp_path, flag):
    with_library(
        tmp_path, normalizer=normalizers.BertNormalizer(lowercase=False)
    )
    write(tmp_path, tokenizer_config__json=flag)
    assert read(tmp_path).normalizer == CASED


@pytest.mark.parametrize(
    ("config", "chosen"),
    [
        ({}, {"lowercase": True}),
        ({"do_lower_case": False}, {"lowercase": False}),
        (
            {"do_lower_case": True, "strip_accents": False},
            {"lowercase": True, "strip_accents": False},
        ),
        (
            {"do_lower_case": False, "strip_accents": True},
            {"lowercase": False, "strip_accents": True},
        ),
        ({"strip_accents": None}, {"lowercase": True}),
        (
            {"tokenize_chinese_chars": False},
            {"lowercase": True, "splits_chinese": False},
        ),
    ],
)
def test_a_vocabulary_is_read_with_its_config(tmp_path, config, chosen):
    write(tmp_path, vocab__txt="\n".join(WORDS), tokenizer_config__json=config)
    found = read(tmp_path)
    assert found.normalizer == wordpiece.bert_steps(**chosen)
    assert found.vocabulary == WORDS


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(WORDS),
        "\n".join(WORDS) + "\n\n\n",
        "\r\n".join(WORDS) + "\r\n\r\n",
        "\ufeff" + "\n".join(WORDS) + "\n",
    ],
    ids=["no end", "blank lines", "CRLF", "byte-order mark"],
)
def test_line_ends_and_marks_change_no_token(tmp_path, text):
    assert read(write(tmp_path, vocab__txt=text)).vocabulary == WORDS


def test_a_token_may_be_a_line_separator_of_unicode(tmp_path):
    words = [*WORDS, "\u2028", "\x85", "last"]
    write(tmp_path, vocab__txt="\n".join(words))
    assert read(tmp_path).vocabulary == words


def test_without_config_the_default_is_said(tmp_path):
    found = read(write(tmp_path, vocab__txt="\n".join(WORDS)))
    assert found.lowercase
    (line,) = found.notes
    assert "no `do_lower_case`" in line


def test_added_tokens_beside_a_vocabulary(tmp_path):
    write(
        tmp_path,
        vocab__txt="\n".join([*WORDS, "[USER]"]),
        tokenizer_config__json={
            "do_lower_case": True,
            "added_tokens_decoder": {
                str(len(WORDS) + 1): {"content": "<url>", "lstrip": True}
            },
        },
        special_tokens_map__json={
            "additional_special_tokens": ["[USER]"],
            "sep_token": {"content": "hello"},
        },
        added_tokens__json={"new york": len(WORDS) + 2},
    )
    found = read(tmp_path)
    tokens = {token.content: token for token in found.added_tokens}
    assert tokens["<url>"].lstrip
    assert tokens["[USER]"].special
    assert tokens["new york"].normalized
    assert found.special.sep == "hello"
    assert found.num_ids == len(WORDS) + 3
    ids, _ = tokenizer.Tokenizer(found).ids(
        tf.constant(["[USER]<url>NEW york"]), tf.constant(9)
    )
    size = len(WORDS)
    assert ids[0].numpy()[1:4].tolist() == [size, size + 1, size + 2]


def test_ids_may_have_holes(tmp_path):
    def change(content):
        ids = content["model"]["vocab"]
        content["model"]["vocab"] = {
            word: 2 * i if i > 10 else i for word, i in ids.items()
        }

    found = read(with_library(tmp_path, change))
    assert found.vocabulary[12] == ""
    ids, _ = tokenizer.Tokenizer(found).ids(
        tf.constant(["hello"]), tf.constant(9)
    )
    assert ids[0, 1] == 2 * WORDS.index("hello")


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("model", "type"), "BPE", "model.type"),
        (("model", "vocab"), {}, "model.vocab"),
        (("model", "vocab", "the"), 10**9, r"model.vocab\['the'\]"),
        (("model", "vocab", "the"), 0, "model.vocab"),
        (("model", "vocab", "the"), "5", "model.vocab"),
        (("model", "continuing_subword_prefix"), "", "continuing_subword"),
        (("model", "continuing_subword_prefix"), "x", "continuing_subword"),
        (("model", "max_input_chars_per_word"), -1, "max_input_chars"),
        (("normalizer",), {"type": "NFC"}, "normalizer"),
        (
            ("normalizer",),
            {"type": "Sequence", "normalizers": [{"type": "NFKC"}]},
            r"normalizer.normalizers\[0\]",
        ),
        (("pre_tokenizer",), None, "pre_tokenizer"),
        (("pre_tokenizer",), {"type": "Whitespace"}, "pre_tokenizer"),
        (("pre_tokenizer",), {"type": "WhitespaceSplit"}, "pre_tokenizer"),
        (
            ("pre_tokenizer",),
            {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}]},
            r"pre_tokenizer.pretokenizers\[0\]",
        ),
        (("post_processor",), {"type": "ByteLevel"}, "post_processor"),
        (("post_processor", "single"), [], "post_processor.single"),
        (("added_tokens", 0, "id"), 9, r"added_tokens\[0\].id"),
        (("added_tokens",), [{}], "KeyError"),
        (("model",), None, "AttributeError"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_field(
    tmp_path, path, value, field
):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    with_library(tmp_path, change)
    with pytest.raises(ValueError, match=rf"tokenizer\.json.*{field}"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tokenizer_class", "BertJapaneseTokenizer"),
        ("tokenizer_class", "RobertaTokenizerFast"),
        ("word_tokenizer_type", "mecab"),
        ("subword_tokenizer_type", "character"),
        ("do_basic_tokenize", False),
        ("never_split", ["hello"]),
    ],
)
def test_another_tokenizer_of_a_vocabulary_is_refused(tmp_path, field, value):
    write(
        tmp_path,
        vocab__txt="\n".join(WORDS),
        tokenizer_config__json={field: value},
    )
    with pytest.raises(ValueError, match=rf"tokenizer_config\.json: `{field}`"):
        read(tmp_path)


def test_no_file_of_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json or vocab\.t"):
        read(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_damaged_json_is_refused(tmp_path, content):
    write(tmp_path, tokenizer__json=content)
    with pytest.raises(ValueError, match=r"tokenizer\.json must"):
        read(tmp_path)


@pytest.mark.parametrize("missing", library_tokenizers.FRAME)
def test_a_missing_special_token_is_named_if_needed(tmp_path, missing):
    words = [word for word in WORDS if word != missing]
    found = read(write(tmp_path, vocab__txt="\n".join(words)))
    if missing == "[MASK]":  # no text has it
        tokenizer.Tokenizer(found)
        return
    with pytest.raises(ValueError, match=rf"must have '\[{missing[1:-1]}\]'"):
        tokenizer.Tokenizer(found)


def test_tokens_that_the_library_cannot_find_either_are_refused(tmp_path):
    added = [
        AddedToken("电", normalized=True),
        AddedToken("ab", normalized=True, rstrip=True),
    ]
    found = read(with_library(tmp_path, added=added))
    with pytest.raises(ValueError, match="no blank at its ends"):
        tokenizer.Tokenizer(found)


def test_of_a_token_listed_twice_the_last_counts(tmp_path):
    words = [*WORDS, "hello"]
    found = read(write(tmp_path, vocab__txt="\n".join(words)))
    ids, _ = tokenizer.Tokenizer(found).ids(
        tf.constant(["hello"]), tf.constant(9)
    )
    assert ids[0, 1] == len(WORDS)


@pytest.mark.parametrize("lowercase", [True, False])
def test_files_that_the_first_version_understood_need_no_mark(
    tmp_path, lowercase
):
    with_library(
        tmp_path, normalizer=normalizers.BertNormalizer(lowercase=lowercase)
    )
    write(
        tmp_path,
        vocab__txt="\n".join(WORDS) + "\n",
        tokenizer_config__json={"do_lower_case": lowercase},
    )
    assert wordpiece_files.identify_tokenizer(tmp_path) == ""
    (tmp_path / "vocab.txt").unlink()  # it could not read the rest
    assert wordpiece_files.identify_tokenizer(tmp_path) == ""


@pytest.mark.parametrize(
    ("normalizer", "config"),
    [
        ({"lowercase": False}, {}),
        ({"strip_accents": False}, {"do_lower_case": True}),
        ({"handle_chinese_chars": False}, {"do_lower_case": True}),
    ],
)
def test_files_that_the_first_version_misread_are_marked(
    tmp_path, normalizer, config
):
    with_library(tmp_path, normalizer=normalizers.BertNormalizer(**normalizer))
    write(
        tmp_path,
        vocab__txt="\n".join(WORDS) + "\n",
        tokenizer_config__json=config,
    )
    mark = wordpiece_files.identify_tokenizer(tmp_path)
    assert len(mark) == 12
    assert mark == wordpiece_files.identify_tokenizer(tmp_path)
