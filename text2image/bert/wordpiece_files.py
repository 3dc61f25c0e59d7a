"""WordPiece tokenisers of Hugging Face directories.

`tokenizer.json` is what the tokenizers library reads, and the truth where it
exists. Otherwise `vocab.txt` is read as transformers' `BertTokenizer` does,
with `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`
where they exist. What cannot be followed exactly is refused, with the field.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from text2image.bert import headers, tokenizer_json, wordpiece
from text2image.bert.tokenizer_json import added_token, refusal
from text2image.bert.wordpiece import AddedToken, SpecialTokens, WordPiece

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
_BASIC: dict[str, tuple[object, ...]] = {
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
    named = {**_read_optional(directory / "special_tokens_map.json"), **config}
    special = _special_tokens(named)
    file = directory / "tokenizer.json"
    stated = _read_optional(file)
    # keras-hub gives its own configuration the same name.
    if stated and "registered_name" not in stated:
        try:
            return tokenizer_json.parse(file, stated, config, special)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(
                f"{file} must be as the tokenizers library writes it. "
                f"Received: {type(error).__name__}: {error}"
            ) from error
    file = directory / "vocab.txt"
    if file.is_file():
        return _from_vocabulary(file, config, named, special)
    raise FileNotFoundError(
        f"{directory} must have the tokeniser as tokenizer.json or vocab.txt. "
        "Missing: both"
    )


def identify_tokenizer(directory: pathlib.Path) -> str:
    """Returns what tells a tokeniser from the way 0.1.0 read its files.

    That version knew `vocab.txt` and `do_lower_case` only. Records that it
    made stay valid where this was all; elsewhere their ids were others.

    Args:
        directory: Has `tokenizer.json` or `vocab.txt`.

    Returns:
        12 hex digits of a sha256; `""` if 0.1.0 gave the same ids, or could
        not read the directory.
    """
    vocabulary = directory / "vocab.txt"
    config = directory / "tokenizer_config.json"
    if not (vocabulary.is_file() and config.is_file()):
        return ""
    read = read_wordpiece(directory)
    frame = dataclasses.astuple(read.special)
    now = dataclasses.replace(
        read,
        added_tokens=tuple(
            token for token in read.added_tokens if token.content not in frame
        ),
        special=SpecialTokens(),
        notes=(),
    )
    lowercase = _read_optional(config).get("do_lower_case", True)
    former = WordPiece(
        read_vocabulary(vocabulary),
        wordpiece.bert_steps(lowercase=bool(lowercase)),
    )
    if now == former:
        return ""
    text = json.dumps(dataclasses.asdict(now), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_vocabulary(file: pathlib.Path) -> list[str]:
    """Reads a `vocab.txt`: one token per line, blank lines at the end not.

    Args:
        file: UTF-8, with or without a byte-order mark; any line ends.

    Raises:
        ValueError: If it is not UTF-8.
    """
    # Not splitlines(): a token may be another Unicode line separator.
    return _read_text(file).rstrip("\n").split("\n")


def _special_tokens(stated: Mapping[str, Any]) -> SpecialTokens:
    """Names of the special tokens, BERT's where the files state none."""
    names = {}
    for role in _ROLES:
        value = stated.get(f"{role}_token")
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str) and value:
            names[role] = value
    return SpecialTokens(**names)


def _from_vocabulary(
    file: pathlib.Path,
    config: Mapping[str, Any],
    named: Mapping[str, Any],
    special: SpecialTokens,
) -> WordPiece:
    directory = file.parent
    where = directory / "tokenizer_config.json"
    kind = config.get("tokenizer_class") or "BertTokenizer"
    if kind.removesuffix("Fast") not in _CLASSES:
        raise refusal(where, "tokenizer_class", "BertTokenizer", kind)
    for field, allowed in _BASIC.items():
        if config.get(field, allowed[0]) not in allowed:
            raise refusal(where, field, allowed[-1], config[field])
    notes = (
        f"no `do_lower_case` in {where}: texts are lower-cased, the default of "
        "transformers' BertTokenizer",
    )
    vocabulary = read_vocabulary(file)
    return WordPiece(
        vocabulary,
        wordpiece.bert_steps(
            lowercase=bool(config.get("do_lower_case", True)),
            strip_accents=config.get("strip_accents"),
            splits_chinese=bool(config.get("tokenize_chinese_chars", True)),
        ),
        added_tokens=tuple(
            _stated_tokens(directory, named, special, vocabulary)
        ),
        special=special,
        notes=() if "do_lower_case" in config else notes,
    )


def _stated_tokens(
    directory: pathlib.Path,
    stated: Mapping[str, Any],
    special: SpecialTokens,
    vocabulary: list[str],
) -> Iterator[AddedToken]:
    """Added tokens beside a `vocab.txt`, each once."""
    named = [
        str(token["content"] if isinstance(token, dict) else token)
        for token in stated.get("additional_special_tokens") or []
    ]
    named += dataclasses.astuple(special)
    found: dict[str, AddedToken] = {}
    for index, entry in (stated.get("added_tokens_decoder") or {}).items():
        token = added_token(entry, int(index))
        found[token.content] = token
    listed = _read_optional(directory / "added_tokens.json")
    ids = {token: index for index, token in enumerate(vocabulary)} | listed
    for content in (*listed, *named):
        if content in ids and content not in found:
            # As transformers reads the lists that have no flags.
            is_special = content in named
            found[content] = AddedToken(
                content,
                int(ids[content]),
                normalized=not is_special,
                special=is_special,
            )
    yield from found.values()


def _read_optional(file: pathlib.Path) -> dict[str, Any]:
    return headers.read_config(file) if file.is_file() else {}


def _read_text(file: pathlib.Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} must be UTF-8. Received: {error}") from error
