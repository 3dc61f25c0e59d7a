"""WordPiece tokenisers from `tokenizer.json`, as the tokenizers library does.

What cannot be followed exactly is refused, with the field.
"""

import dataclasses
import pathlib
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from text2image.bert import characters, wordpiece
from text2image.bert.wordpiece import AddedToken, SpecialTokens, WordPiece

# Steps of the library's normalisers that have the same name here.
_STEPS = (wordpiece.NFD, wordpiece.STRIP_MARKS, wordpiece.LOWERCASE)
# Ids of a vocabulary may have holes, but most of them have tokens.
_MOST_HOLES = 4
_CURE = "Name another --encoder."


def parse(
    file: pathlib.Path,
    stated: Mapping[str, Any],
    config: Mapping[str, Any],
    special: SpecialTokens,
) -> WordPiece:
    """Reads the content of a file.

    Args:
        file: Its path, for messages.
        stated: Its content.
        config: Content of `tokenizer_config.json`, which it overrules.
        special: Names of the special tokens that it does not state.

    Raises:
        ValueError: If it cannot be followed exactly.
    """
    model = stated["model"]
    # Files of the library's first versions do not name the type.
    if model.get("type", "WordPiece") != "WordPiece":
        raise refusal(file, "model.type", "WordPiece", model["type"])
    ids = model.get("vocab")
    if not isinstance(ids, dict) or not ids:
        raise refusal(file, "model.vocab", "ids by token", ids)
    normalizer = tuple(_steps(file, "normalizer", stated.get("normalizer")))
    parts = list(
        _pre_tokenizers(file, "pre_tokenizer", stated.get("pre_tokenizer"))
    )
    if "punctuation" not in parts or "blanks" not in parts:
        raise refusal(
            file,
            "pre_tokenizer",
            "BertPreTokenizer",
            stated.get("pre_tokenizer"),
        )
    cls, sep = _frame(file, stated.get("post_processor"), special)
    return WordPiece(
        _by_id(file, ids),
        normalizer,
        prefix=_prefix(file, model),
        max_characters=_limit(file, model),
        added_tokens=tuple(_added_tokens(file, stated, ids)),
        special=dataclasses.replace(
            special, unk=model.get("unk_token", "[UNK]"), cls=cls, sep=sep
        ),
        splits_digits="digits" in parts,
        notes=tuple(_notes(file, stated, normalizer, config)),
    )


def _steps(file: pathlib.Path, field: str, stated: Any) -> Iterator[str]:
    """Steps of a normaliser, those within a sequence too."""
    kind = stated.get("type") if isinstance(stated, dict) else stated
    if kind is None or kind == "Strip":  # blanks are no part of any word
        return
    if kind == "Sequence":
        for index, part in enumerate(stated.get("normalizers") or []):
            yield from _steps(file, f"{field}.normalizers[{index}]", part)
    elif kind == "BertNormalizer":
        yield from wordpiece.bert_steps(
            lowercase=bool(stated.get("lowercase", True)),
            strip_accents=stated.get("strip_accents"),
            splits_chinese=bool(stated.get("handle_chinese_chars", True)),
            cleans=bool(stated.get("clean_text", True)),
        )
    elif kind in _STEPS:
        yield kind
    else:
        expected = f"BertNormalizer or a Sequence of {', '.join(_STEPS)}"
        raise refusal(file, field, expected, stated)


def _pre_tokenizers(
    file: pathlib.Path, field: str, stated: Any
) -> Iterator[str]:
    """What words are split at; the order does not matter."""
    kind = stated.get("type") if isinstance(stated, dict) else stated
    if kind == "Sequence":
        for index, part in enumerate(stated.get("pretokenizers") or []):
            yield from _pre_tokenizers(
                file, f"{field}.pretokenizers[{index}]", part
            )
    elif kind == "BertPreTokenizer":
        yield from ("blanks", "punctuation")
    elif kind == "WhitespaceSplit":
        yield "blanks"
    elif kind == "Punctuation" and stated.get("behavior") in (None, "Isolated"):
        yield "punctuation"
    elif kind == "Digits" and stated.get("individual_digits"):
        yield "digits"
    else:
        raise refusal(file, field, "BertPreTokenizer", stated)


def _frame(
    file: pathlib.Path, stated: Any, special: SpecialTokens
) -> tuple[str, str]:
    """The first and the last token of a text."""
    field = "post_processor"
    if stated is None:
        return special.cls, special.sep
    if stated.get("type") in ("BertProcessing", "RobertaProcessing"):
        return stated["cls"][0], stated["sep"][0]
    if stated.get("type") == "TemplateProcessing":
        single = stated.get("single") or []
        kinds = [next(iter(part)) for part in single]
        if kinds == ["SpecialToken", "Sequence", "SpecialToken"]:
            return (
                single[0]["SpecialToken"]["id"],
                single[2]["SpecialToken"]["id"],
            )
        field += ".single"
        stated = single
    raise refusal(file, field, "[CLS] A [SEP]", stated)


def _by_id(file: pathlib.Path, ids: Mapping[str, Any]) -> list[str]:
    """Tokens by id; an id without a token is an empty string."""
    most = _MOST_HOLES * len(ids)
    for token, index in ids.items():
        if not isinstance(index, int) or not 0 <= index < most:
            raise refusal(
                file, f"model.vocab[{token!r}]", f"in [0, {most})", index
            )
    vocabulary = [""] * (max(ids.values()) + 1)
    for token, index in ids.items():
        if vocabulary[index]:
            expected = f"another id than that of {vocabulary[index]!r}"
            raise refusal(file, f"model.vocab[{token!r}]", expected, index)
        vocabulary[index] = token
    return vocabulary


def _prefix(file: pathlib.Path, model: Mapping[str, Any]) -> str:
    prefix = model.get("continuing_subword_prefix", "##")
    punctuation = characters.members("punctuation")
    # A prefix of letters could also begin a word.
    if not prefix or not all(punctuation[ord(c)] for c in prefix):
        field = "model.continuing_subword_prefix"
        raise refusal(file, field, "punctuation", prefix)
    return prefix


def _limit(file: pathlib.Path, model: Mapping[str, Any]) -> int:
    limit = model.get("max_input_chars_per_word", 100)
    if not isinstance(limit, int) or limit < 0:
        field = "model.max_input_chars_per_word"
        raise refusal(file, field, "a number", limit)
    return limit


def _added_tokens(
    file: pathlib.Path, stated: Mapping[str, Any], ids: Mapping[str, int]
) -> Iterator[AddedToken]:
    following = len(ids)
    for index, entry in enumerate(stated.get("added_tokens") or []):
        token = added_token(entry, entry["id"])
        # The library numbers them anew.
        expected = ids.get(token.content, following)
        if token.id != expected:
            field = f"added_tokens[{index}].id"
            raise refusal(file, field, expected, token.id)
        if token.content not in ids:
            following += 1
        yield token


def added_token(entry: Mapping[str, Any], index: int) -> AddedToken:
    """Reads an added token.

    Args:
        entry: Its content and flags.
        index: Its id.
    """
    return AddedToken(
        entry["content"],
        index,
        single_word=bool(entry.get("single_word")),
        lstrip=bool(entry.get("lstrip")),
        rstrip=bool(entry.get("rstrip")),
        normalized=bool(entry.get("normalized", not entry.get("special"))),
        special=bool(entry.get("special")),
    )


def _notes(
    file: pathlib.Path,
    stated: Mapping[str, Any],
    normalizer: tuple[str, ...],
    config: Mapping[str, Any],
) -> Iterator[str]:
    if stated.get("post_processor") is None:
        yield (
            f"{file} adds no [CLS] and [SEP]: they are added, as BERT was "
            "trained with them"
        )
    flag = config.get("do_lower_case")
    lowercase = wordpiece.LOWERCASE in normalizer
    if flag is not None and bool(flag) != lowercase:
        yield (
            f"{file} says lowercase {lowercase}, tokenizer_config.json "
            f"`do_lower_case` {flag}: tokenizer.json is followed"
        )


def refusal(
    file: pathlib.Path, field: str, expected: object, received: object
) -> ValueError:
    """Returns the error of a field that cannot be followed."""
    shown = textwrap.shorten(repr(received), 200)
    return ValueError(
        f"{file}: `{field}` must be {expected!r} for a WordPiece tokeniser of "
        f"BERT. Received: {shown}. {_CURE}"
    )
