"""Parts of a corpus (train, validation, test) by the names of files."""

import re
from typing import TypeVar

T = TypeVar("T")

PARTS = ("train", "validation", "test")
# Names as Hugging Face's datasets library reads them.
WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
# `train-00000-of-00001.parquet`: the name of the part is written out.
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.[a-z]+$")


def in_order(parts: dict[str, T]) -> dict[str, T]:
    """Parts in the order train, validation, test, others."""
    names = dict.fromkeys((*PARTS, *sorted(parts)))
    return {name: parts[name] for name in names if name in parts}


def part_of(name: str) -> str | None:
    """The part that a file or folder name says, or `None`.

    A shard's part may have any name, such as `unsupervised`.
    """
    shard = _SHARD.match(name)
    if shard:
        return WORDS.get(shard[1].lower(), shard[1])
    words = re.split(r"[^a-z]+", name.lower())
    parts = {WORDS[word] for word in words if word in WORDS}
    return parts.pop() if len(parts) == 1 else None
