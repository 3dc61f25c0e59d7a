"""WordPiece tokenisers of Hugging Face directories.

`tokenizer.json` is what the tokenizers library reads, and the truth where it
exists. Otherwise `vocab.txt` is read as transformers' `BertTokenizer` does,
with `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`
where they exist. What cannot be followed exactly is refused, with the field.
"""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from absl import logging

from text2image.bert import wordpiece
from text2image.bert.wordpiece import AddedToken, SpecialTokens, WordPiece

_CURE = "Name another --encoder."
_ROLES = ("pad", "unk", "cls", "sep", "mask")
# Classes of transformers that read `vocab.txt` as BertTokenizer does; each may
# end in `Fast`.
_CLASSES = frozenset(
    f"{name}Tokenizer"
    for name in (
        "Bert",
        "ConvBert",
        "DistilBert",
        "DPRContextEncoder",
        "DPRQuestionEncoder",
        "DPRReader",
        "Electra",
        "LayoutLM",
        "Lxmert",
        "MobileBert",
        "PreTrained",
        "RetriBert",
        "SqueezeBert",
    )
)
# Values that `BertTokenizer` cannot do without, by field of
# `tokenizer_config.json`.
_BASIC = {
    "do_basic_tokenize": (True,),
    "never_split": (None, []),
    "word_tokenizer_type": (None, "basic"),
    "subword_tokenizer_type": (None, "wordpiece"),
}


def read_wordpiece(directory: pathlib.Path) -> WordPiece:
    """Reads the tokeniser of a Hugging Face directory.

    Args:
        directory: Has `tokenizer.json` or `vocab.txt`.

    Raises:
        FileNotFoundError: If it has neither.
        ValueError: If a file is damaged, or states what cannot be followed
            exactly; names file and field.
    """
    config = _read_optional(directory / "tokenizer_config.json")
    special = _special_tokens(directory, config)
    file = directory / "tokenizer.json"
    if file.is_file():
        return _from_tokenizer_json(file, _read_json(file), config, special)
    file = directory / "vocab.txt"
    if file.is_file():
        return _from_vocabulary(file, config, special)
    raise FileNotFoundError(
        f"{directory} must have the tokeniser as tokenizer.json or vocab.txt. "
        "Missing: both"
    )


def read_vocabulary(file: pathlib.Path) -> list[str]:
    """Reads a `vocab.txt`: one token per line, blank lines at the end not.

    Args:
        file: UTF-8, with or without a byte-order mark; any line ends.

    Raises:
        ValueError: If it is not UTF-8.
    """
    # Not splitlines(): a token may be another Unicode line separator.
    return _read_text(file).rstrip("\n").split("\n")


def _special_tokens(
    directory: pathlib.Path, config: Mapping[str, Any]
) -> SpecialTokens:
    """Names of the special tokens, BERT's where the files state none."""
    file = directory / "special_tokens_map.json"
    stated = _read_optional(file) | config
    names = {}
    for role in _ROLES:
        value = stated.get(f"{role}_token")
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str) and value:
            names[role] = value
    return SpecialTokens(**names)


def _from_vocabulary(
    file: pathlib.Path, config: Mapping[str, Any], special: SpecialTokens
) -> WordPiece:
    directory = file.parent
    where = directory / "tokenizer_config.json"
    kind = config.get("tokenizer_class") or "BertTokenizer"
    if kind.removesuffix("Fast") not in _CLASSES:
        raise _refusal(where, "tokenizer_class", sorted(_CLASSES), kind)
    for field, allowed in _BASIC.items():
        if config.get(field, allowed[0]) not in allowed:
            raise _refusal(where, field, allowed[-1], config[field])
    if "do_lower_case" not in config:
        logging.info(
            "encoder: no `do_lower_case` in %s: texts are lower-cased, the "
            "default of transformers' BertTokenizer",
            where,
        )
    return WordPiece(
        read_vocabulary(file),
        wordpiece.bert_steps(
            lowercase=bool(config.get("do_lower_case", True)),
            strip_accents=config.get("strip_accents"),
            splits_chinese=bool(config.get("tokenize_chinese_chars", True)),
        ),
        special=special,
    )


def _from_tokenizer_json(
    file: pathlib.Path,
    stated: Mapping[str, Any],
    config: Mapping[str, Any],
    special: SpecialTokens,
) -> WordPiece:
    model = stated.get("model") or {}
    if model.get("type", "WordPiece") != "WordPiece":
        raise _refusal(file, "model.type", "WordPiece", model.get("type"))
    normalizer = stated["normalizer"]
    ids = model["vocab"]
    vocabulary = [""] * (max(ids.values()) + 1)
    for token, index in ids.items():
        vocabulary[index] = token
    return WordPiece(
        vocabulary,
        wordpiece.bert_steps(
            lowercase=normalizer["lowercase"],
            strip_accents=normalizer["strip_accents"],
            splits_chinese=normalizer["handle_chinese_chars"],
            cleans=normalizer["clean_text"],
        ),
        prefix=model["continuing_subword_prefix"],
        max_characters=model["max_input_chars_per_word"],
        added_tokens=tuple(_added(stated["added_tokens"])),
        special=special,
    )


def _added(entries: Iterable[Mapping[str, Any]]) -> Iterable[AddedToken]:
    for entry in entries:
        yield AddedToken(**entry)


def _refusal(
    file: pathlib.Path, field: str, expected: object, received: object
) -> ValueError:
    return ValueError(
        f"{file}: `{field}` must be {expected!r} for a WordPiece tokeniser of "
        f"BERT. Received: {received!r}. {_CURE}"
    )


def _read_optional(file: pathlib.Path) -> dict[str, Any]:
    return _read_json(file) if file.is_file() else {}


def _read_json(file: pathlib.Path) -> dict[str, Any]:
    try:
        value = json.loads(_read_text(file))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} must be JSON. Received: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(
            f"{file} must hold a JSON object. Received: {type(value).__name__}"
        )
    return value


def _read_text(file: pathlib.Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} must be UTF-8. Received: {error}") from error
