"""Which examples of a TFDS dataset are its train, validation and test part.

TFDS is imported where it is used: a corpus read from a file does not need it.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from text2image.corpora import part_names

_NOTATION = "train[:80%], train[80%:] or train+validation"


@dataclasses.dataclass(frozen=True)
class Slice:
    """Consecutive examples of a split.

    Attributes:
        split: Name of the split.
        first: Number of the first example, counted from 0.
        stop: Number after the last example; `None` for all to the end.
    """

    split: str
    first: int = 0
    stop: int | None = None

    @property
    def notation(self) -> str:
        """The slice as TFDS's `split=` takes it."""
        if self.stop is None and not self.first:
            return self.split
        stop = "" if self.stop is None else self.stop
        return f"{self.split}[{self.first}:{stop}]"


Parts = dict[str, tuple[Slice, ...]]


def choose_parts(
    builder: Any, train_split: str = "", validation_split: str = ""
) -> tuple[Parts, tuple[str, ...]]:
    """Chooses the examples of each part.

    A part without a flag is the split with the part's name or one like it
    (`dev`), unless a flag takes examples of that split.

    Args:
        builder: The prepared dataset.
        train_split: Splits and slices of the train part in TFDS's notation,
            as in `train[:80%]+extra`; empty to find it by name.
        validation_split: Likewise for the validation part.

    Returns:
        The parts in the order train, validation, test, and lines for the log:
        what was guessed and left out.

    Raises:
        ValueError: If a slice is not TFDS's notation, names a split that does
            not exist or has no examples; if the train part is missing because
            `validation_split` takes examples of its split; or if no split is
            named like a part, and no flag is given.
    """
    flags = {
        part: (flag, asked)
        for part, flag, asked in (
            ("train", "train_split", train_split),
            ("validation", "validation_split", validation_split),
        )
        if asked
    }
    sliced = {
        part: _slices(builder, flag, asked)
        for part, (flag, asked) in flags.items()
    }
    used = {each.split for slices in sliced.values() for each in slices}
    splits = list(builder.info.splits)
    by_name = {
        part: split
        for part, split in _by_name(splits).items()
        if part not in sliced and split not in used
    }
    if validation_split and "train" not in {**sliced, **by_name}:
        raise ValueError(
            f"{builder.name}: --validation_split={validation_split} leaves no "
            "split for training by its name. Name the examples to train on, "
            "too, as in --train_split='train[:80%]'. Splits: "
            f"{_sized(builder.info.splits)}"
        )
    if not sliced and not by_name:
        raise ValueError(
            f"{builder.name}: no split is named like train, validation or "
            "test. Name the examples of both parts, as in --split=official "
            f"--train_split='{splits[0]}[:80%]' "
            f"--validation_split='{splits[0]}[80%:]'. Splits: "
            f"{_sized(builder.info.splits)}"
        )
    guesses = [
        f"{part}: the split {split!r}"
        for part, split in by_name.items()
        if part != split
    ]
    others = [
        split for split in splits if split not in {*by_name.values(), *used}
    ]
    if others:
        guesses.append(f"left out: the splits {', '.join(others)}")
    whole = {part: (Slice(split),) for part, split in by_name.items()}
    return part_names.in_order({**whole, **sliced}), tuple(guesses)


def _by_name(splits: Collection[str]) -> dict[str, str]:
    """Returns part to split."""
    taken = {part: part for part in part_names.PARTS if part in splits}
    for split in splits:
        part = part_names.part_of(split)
        if part in part_names.PARTS:
            taken.setdefault(part, split)
    return taken


def _slices(builder: Any, flag: str, asked: str) -> tuple[Slice, ...]:
    """Reads TFDS's notation; the numbers of examples are absolute."""
    import tensorflow_datasets as tfds

    splits = builder.info.splits
    try:
        instruction = tfds.core.ReadInstruction.from_spec(asked)
        absolute = instruction.to_absolute(splits)
    except Exception as error:  # TFDS raises errors of many types
        unknown = [
            name
            for name in (part.split("[")[0] for part in asked.split("+"))
            if name.strip() not in splits
        ]
        reason = (
            f"no split {unknown[0].strip()!r}"
            if unknown
            else str(error).strip().splitlines()[-1].rstrip(".")
        )
        raise ValueError(
            f"--{flag} must be splits of {builder.name} in TFDS's notation, "
            f"as in {_NOTATION}. Received: {asked} ({reason}). Splits: "
            f"{_sized(splits)}"
        ) from error
    bounds = [
        (
            each.splitname,
            each.from_ or 0,
            splits[each.splitname].num_examples if each.to is None else each.to,
        )
        for each in absolute
    ]
    slices = tuple(Slice(*bound) for bound in bounds)
    empty = [
        f"{name}[{first}:{stop}]"
        for name, first, stop in bounds
        if first >= stop
    ]
    if empty:
        raise ValueError(
            f"--{flag}={asked} must take examples of {builder.name}. Received: "
            f"none ({', '.join(empty)}). Splits: {_sized(splits)}"
        )
    return slices


def _sized(splits: Any) -> str:
    return ", ".join(
        f"{name} ({splits[name].num_examples} examples)"
        for name in sorted(splits)
    )
