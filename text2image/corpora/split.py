"""The split into train, validation and test sides, and an audit of repeats."""

import dataclasses
import functools
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from text2image import options
from text2image.corpora import bad_rows, blocks, copies, hashed, sides
from text2image.corpora.classes import REFUSE, Selection
from text2image.corpora.examples import Corpus
from text2image.corpora.index import index_corpus
from text2image.corpora.sides import (
    SHARES,
    SIDES,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
)


@dataclasses.dataclass(frozen=True)
class Split:
    """The side of every row of a corpus.

    Attributes:
        side: `(N,)` int8 of `TRAIN`, `VALIDATION`, `TEST` or `UNUSED`, in
            the order in which the parts are read, one after the other.
            Rows that are not used, faults among them, are `UNUSED`.
        label_names: Class names; the label of a class is its index.
        audit: Counts of repeats and classes, for the user and the records.
        label_index: Label of an example to the index of its class.
        faults: The rows that cannot be used and are dropped.
    """

    side: np.ndarray
    label_names: tuple[str, ...]
    audit: dict[str, Any]
    label_index: Mapping[str | None, int]
    faults: bad_rows.Tally


def split_corpus(
    source: Corpus,
    *,
    protocol: str = "pooled",
    seed: int = 0,
    limit_train: int = 0,
    limit_validation: int = 0,
    shares: Mapping[int, float] = SHARES,
    identity: Callable[[Any], str] = operator.attrgetter("text"),
    selection: Selection = REFUSE,
) -> Split:
    """Splits a corpus so that equal texts never end up on two sides.

    Texts are equal if they agree after case folding, with every run of white
    space read as one space. All copies of a text go to one side.

    Args:
        source: The corpus to split.
        protocol: `pooled` (the paper's): all labelled parts together,
            stratified, drawn from `seed`. `official`: the corpus's own parts;
            train texts that also occur in a held-out part are left out.
            `hashed`: see `hashed.side_of`; without limits. Ignored if
            `source.is_split`.
        seed: Seed of the draw and of the limits.
        limit_train: Most train examples, a stratified draw; 0 for all.
        limit_validation: Likewise for validation.
        shares: Side to the share of each class that `pooled` holds out, or
            of the texts that `hashed` does. With
            `TEST` among them, `official` reads a corpus's test part too,
            besides its validation part.
        identity: Gives the text of an example by which copies are detected.
        selection: Which rows are used, and under which class.

    Raises:
        ValueError: If there is only one class, a side lacks a class, the
            corpus has no part that `official` can validate on, or
            `index_corpus` refuses the corpus.
    """
    if protocol not in options.SPLIT_PROTOCOLS:
        raise ValueError(
            f"--split must be one of {options.SPLIT_PROTOCOLS}. Received: "
            f"{protocol!r}"
        )
    hashed.check_limits(
        protocol,
        {"limit_train": limit_train, "limit_validation": limit_validation},
    )
    is_hashed = protocol == "hashed" and not source.is_split
    index = index_corpus(
        source,
        selection,
        identity,
        functools.partial(hashed.side_of_digest, seed=seed, shares=shares)
        if is_hashed
        else None,
    )
    part, group, label = index.part, index.group, index.label
    audit: dict[str, Any] = {
        "num_examples": len(label),
        "repeats": copies.count_repeats(part, group, list(source.parts)),
        "contradictions": copies.count_contradictions(source, index, identity),
        **index.audit,
    }
    rng = np.random.default_rng(seed)
    is_official = source.is_split or protocol == "official"
    if index.side is not None:
        side = index.side
    elif is_official:
        side = _official(part, group, list(source.parts), TEST in shares)
    else:
        side = _pooled(group, label, rng, shares)
    limits = {TRAIN: limit_train, VALIDATION: limit_validation}
    for which, limit in limits.items():
        if limit:
            _limit(side, which, label, limit, rng)
    sizes = _sizes(label, index.label_names)
    held_out = [which for which in shares if (side == which).any()]
    for which in (TRAIN, *(held_out or shares)):
        name = SIDES[which]
        audit[name] = _sizes(label[side == which], index.label_names)
        cures = [f"a larger --limit_{name}"] if limits.get(which) else []
        if protocol != "pooled" and not source.is_split:
            cures.append("--split=pooled")
        elif TEST in shares and not any(limits.values()):
            cures += _held_out_that_works(group, label, seed)
        sides.check(sizes, audit[name], name, cures)
    audit["left_out"] = int((side == UNUSED).sum())
    side_of_row = np.full(len(index.is_used), UNUSED, np.int8)
    side_of_row[index.is_used] = side
    return Split(
        side_of_row, index.label_names, audit, index.label_index, index.faults
    )


def _sizes(label: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(label, minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def _held_out_that_works(
    group: np.ndarray, label: np.ndarray, seed: int
) -> list[str]:
    """The least --held_out with every class on each side; none if none has."""
    smallest = int(np.bincount(label).min())
    # Half of it is drawn twice: more than half an example is rounded to one.
    # Copies may need more.
    for factor in (1, 1.5, 2):
        share = math.ceil(1000 * factor / smallest + 0.1) / 1000
        if share >= 1:
            break
        halves = {VALIDATION: share / 2, TEST: share / 2}
        side = _pooled(group, label, np.random.default_rng(seed), halves)
        sizes = [
            np.bincount(label[side == which], minlength=label.max() + 1)
            for which in (TRAIN, VALIDATION, TEST)
        ]
        if min(map(np.min, sizes)) > 0:
            return [f"--held_out={share:g}"]
    return []


def _pooled(
    group: np.ndarray,
    label: np.ndarray,
    rng: np.random.Generator,
    shares: Mapping[int, float],
) -> np.ndarray:
    """Draws whole groups of equal texts until each class has its shares."""
    size = blocks.count(group, int(group.max()) + 1)
    # A group is drawn with the class of its first copy: written last.
    group_label = np.empty(len(size), np.int32)
    for block in reversed(list(blocks.blocks(len(group)))):
        group_label[group[block][::-1]] = label[block][::-1]
    group_side = np.full(len(size), TRAIN, np.int8)
    for value, count in enumerate(np.bincount(label).tolist()):
        members = blocks.where(group_label == value)
        rng.shuffle(members)
        for which, share in shares.items():
            target = round(share * count)
            sizes = blocks.take(size, members)
            np.cumsum(sizes, out=sizes)
            # An int of Python would have `sizes` converted to int64.
            num_drawn = int(np.searchsorted(sizes, np.int32(target), "right"))
            # A group of copies that did not fit leaves a gap: fill it with
            # texts without copies.
            gap = target - (int(sizes[num_drawn - 1]) if num_drawn else 0)
            del sizes
            group_side[members[:num_drawn]] = which
            if gap:
                rest = members[num_drawn:]
                is_single = blocks.take(size, rest) == 1
                group_side[rest[blocks.where(is_single)[:gap]]] = which
            members = members[blocks.take(group_side, members) == TRAIN]
    return blocks.take(group_side, group)


def _official(
    part: np.ndarray, group: np.ndarray, part_names: list[str], has_test: bool
) -> np.ndarray:
    present = {part_names[number] for number in np.unique(part)}
    listed = [name for name in ("validation", "test") if name in part_names]
    held_out = [name for name in listed if name in present]
    if listed and not held_out:
        raise ValueError(
            f"--split=official cannot validate on {listed}: none of its "
            "examples has a label that is used. Use --split=pooled, which "
            "holds out labelled examples of the other parts."
        )
    if not held_out or "train" not in part_names:
        raise ValueError(
            "--split=official needs parts `train` and `test` or `validation`."
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
        side[held & ~blocks.take(seen, group)] = which
        seen[group[held]] = True
    train = part == part_names.index("train")
    side[train & ~blocks.take(seen, group)] = TRAIN
    return side


def _limit(
    side: np.ndarray,
    which: int,
    label: np.ndarray,
    limit: int,
    rng: np.random.Generator,
) -> None:
    """Reduces one side to a stratified draw of `limit` examples, in place."""
    is_member = side == which
    num_members = np.count_nonzero(is_member)
    if limit >= num_members:
        return
    counts = np.bincount(label[is_member])
    share = counts * limit / num_members
    quota = np.floor(share).astype(int)
    # Largest remainders get the examples that rounding down left over.
    for value in np.argsort(quota - share, kind="stable")[
        : limit - quota.sum()
    ]:
        quota[value] += 1
    side[is_member] = UNUSED
    for value, number in enumerate(quota):
        of_class = blocks.where(is_member & (label == value))
        rng.shuffle(of_class)
        side[of_class[:number]] = which
