"""The split into train, validation and test sides, and an audit of repeats.

One pass over the corpus keeps a 16-byte digest of the folded text, the part
and the label of each example, but no texts.
"""

import dataclasses
import hashlib
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from text2image import options
from text2image.corpora.examples import Corpus, usable

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, 3
SIDES = ("train", "validation", "test")
# The paper's V.A: 40,000 train, 10,000 validation.
SHARES = {VALIDATION: 0.2}


@dataclasses.dataclass(frozen=True)
class Split:
    """The side of every example of a corpus.

    Attributes:
        side: `(N,)` int8 of `TRAIN`, `VALIDATION`, `TEST` or `UNUSED`, in
            the order in which the parts are read, one after the other.
        label_names: Class names; the label of a class is its index.
        audit: Counts of repeats and classes, for the user and the records.
    """

    side: np.ndarray
    label_names: tuple[str, ...]
    audit: dict[str, Any]


def split_corpus(
    source: Corpus,
    *,
    protocol: str = "pooled",
    seed: int = 0,
    limit_train: int = 0,
    limit_validation: int = 0,
    shares: Mapping[int, float] = SHARES,
    identity: Callable[[Any], str] = operator.attrgetter("text"),
) -> Split:
    """Splits a corpus so that equal texts never end up on two sides.

    Texts are equal if they agree after case folding, with every run of white
    space read as one space. All copies of a text go to one side.

    Args:
        source: The corpus to split.
        protocol: `pooled` (the paper's): all labelled parts together,
            stratified, drawn from `seed`. `official`: the corpus's own parts;
            train texts that also occur in a held-out part are left out.
            Ignored if `source.is_split`.
        seed: Seed of the draw and of the limits.
        limit_train: Most train examples, a stratified draw; 0 for all.
        limit_validation: Likewise for validation.
        shares: Side to the share of each class that `pooled` holds out. With
            `TEST` among them, `official` reads a corpus's test part too,
            besides its validation part.
        identity: Gives the text of an example by which copies are detected.

    Raises:
        ValueError: If there is only one class, a side lacks a class, or the
            corpus has no part that `official` can validate on.
    """
    if protocol not in options.SPLIT_PROTOCOLS:
        raise ValueError(
            f"`split` must be one of {options.SPLIT_PROTOCOLS}. Received: "
            f"{protocol!r}"
        )
    part, digest, label, label_names = _index(source, identity)
    _, group = np.unique(digest, return_inverse=True)
    audit: dict[str, Any] = {"num_examples": len(label)}
    audit["repeats"] = _audit(part, group, list(source.parts))
    rng = np.random.default_rng(seed)
    if source.is_split or protocol == "official":
        side = _official(part, group, list(source.parts), TEST in shares)
    else:
        side = _pooled(group, label, rng, shares)
    for which, limit in ((TRAIN, limit_train), (VALIDATION, limit_validation)):
        if limit:
            _limit(side, which, label, limit, rng)
    held_out = [which for which in shares if (side == which).any()]
    for which in (TRAIN, *(held_out or shares)):
        name = SIDES[which]
        counts = np.bincount(label[side == which], minlength=len(label_names))
        audit[name] = dict(zip(label_names, counts.tolist(), strict=True))
        if not counts.all():
            raise ValueError(
                f"Every class needs examples in {name}. Received: "
                f"{audit[name]}. Use more data, another --split_seed, or "
                "larger limits or shares."
            )
    audit["left_out"] = int((side == UNUSED).sum())
    return Split(side, label_names, audit)


def fold(text: str) -> str:
    """Folds case, and every run of white space to one space."""
    return " ".join(text.casefold().split())


def _index(
    source: Corpus, identity: Callable[[Any], str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    part, digests, labels = [], bytearray(), []
    known: dict[str, int] = {}
    for number, read in enumerate(source.parts.values()):
        for example in map(usable, read()):
            digests += hashlib.blake2b(
                fold(identity(example)).encode("utf-8"), digest_size=16
            ).digest()
            labels.append(known.setdefault(example.label, len(known)))
            part.append(number)
    # Files give no order of classes: alphabetical.
    names = source.label_names or tuple(sorted(known))
    if len(known) < 2:
        raise ValueError(
            "A classifier needs at least two classes. Received: "
            f"{sorted(known)} in {len(labels)} examples of {source.name}."
        )
    order = np.array([names.index(name) for name in known])
    return (
        np.array(part, np.int8),
        np.frombuffer(bytes(digests), dtype="V16"),
        order[np.array(labels)].astype(np.int32),
        names,
    )


def _audit(
    part: np.ndarray, group: np.ndarray, part_names: list[str]
) -> dict[str, int]:
    """Counts copies beyond the first: in all, within and across parts."""
    num_groups = int(group.max()) + 1
    per_part = np.stack(
        [
            np.bincount(group[part == number], minlength=num_groups)
            for number in range(len(part_names))
        ]
    )
    repeats = {"all": int(len(group) - num_groups)}
    for number, name in enumerate(part_names):
        repeats[f"within_{name}"] = int(
            np.maximum(per_part[number] - 1, 0).sum()
        )
    repeats["across_parts"] = int(
        np.maximum((per_part > 0).sum(axis=0) - 1, 0).sum()
    )
    return repeats


def _pooled(
    group: np.ndarray,
    label: np.ndarray,
    rng: np.random.Generator,
    shares: Mapping[int, float],
) -> np.ndarray:
    """Draws whole groups of equal texts until each class has its shares."""
    size = np.bincount(group)
    first = np.unique(group, return_index=True)[1]
    # A group is drawn with the class of its first copy.
    group_label = label[first]
    group_side = np.full(len(size), TRAIN, np.int8)
    for value in np.unique(label):
        members = rng.permutation(np.flatnonzero(group_label == value))
        count = int((label == value).sum())
        for which, share in shares.items():
            target = round(share * count)
            drawn = members[np.cumsum(size[members]) <= target]
            # A group of copies that did not fit leaves a gap: fill it with
            # texts without copies.
            gap = target - int(size[drawn].sum())
            if gap:
                rest = members[len(drawn) :]
                drawn = np.append(drawn, rest[size[rest] == 1][:gap])
            group_side[drawn] = which
            members = members[group_side[members] == TRAIN]
    return group_side[group]


def _official(
    part: np.ndarray, group: np.ndarray, part_names: list[str], has_test: bool
) -> np.ndarray:
    held_out = [name for name in ("validation", "test") if name in part_names]
    if not held_out or "train" not in part_names:
        raise ValueError(
            "`split=official` needs parts `train` and `test` or `validation`."
            f" Received: {part_names}. Use --split=pooled."
        )
    # Without a test side, `test` validates only where there is no `validation`.
    taken = dict(zip(held_out, (VALIDATION, TEST), strict=False))
    if not has_test:
        taken = {held_out[0]: VALIDATION}
    side = np.full(len(part), UNUSED, np.int8)
    seen = np.zeros(int(group.max()) + 1, bool)
    # The published test part stays whole, so that results are comparable.
    for name, which in reversed(taken.items()):
        held = part == part_names.index(name)
        side[held & ~seen[group]] = which
        seen[group[held]] = True
    side[(part == part_names.index("train")) & ~seen[group]] = TRAIN
    return side


def _limit(
    side: np.ndarray,
    which: int,
    label: np.ndarray,
    limit: int,
    rng: np.random.Generator,
) -> None:
    """Reduces one side to a stratified draw of `limit` examples, in place."""
    members = np.flatnonzero(side == which)
    if limit >= len(members):
        return
    counts = np.bincount(label[members])
    share = counts * limit / len(members)
    quota = np.floor(share).astype(int)
    # Largest remainders get the examples that rounding down left over.
    for value in np.argsort(quota - share, kind="stable")[
        : limit - quota.sum()
    ]:
        quota[value] += 1
    side[members] = UNUSED
    for value, number in enumerate(quota):
        of_class = members[label[members] == value]
        side[rng.permutation(of_class)[:number]] = which
