"""The sides of a split: train, validation and test."""

from collections.abc import Iterable, Mapping

from text2image.corpora import class_names, labels

TRAIN, VALIDATION, TEST, UNUSED = 0, 1, 2, 3
SIDES = ("train", "validation", "test")
# The paper's V.A: 40,000 train, 10,000 validation.
SHARES = {VALIDATION: 0.2}
# More are suspected to be no classes if most of them are small.
_MANY_CLASSES = 20


def check(
    sizes: Mapping[str, int],
    counts: Mapping[str, int],
    side: str,
    cures: Iterable[str],
) -> None:
    """Refuses a side that lacks a class.

    Args:
        sizes: Class to its number of examples on all sides.
        counts: Class to its number of examples on the side.
        side: Name of the side.
        cures: What helps, besides what always may.

    Raises:
        ValueError: If a class has none; names such classes and what helps.
    """
    absent = {name: sizes[name] for name, count in counts.items() if not count}
    if not absent:
        return
    cures = list(cures)
    least = max(absent.values()) + 1
    if sum(size >= least for size in sizes.values()) > 1:
        cures.append(f"--min_class_size={least} (leaves such classes out)")
    if len(sizes) > 2:  # two classes must be left
        name = class_names.typed(next(iter(absent)))
        cures.append(
            f"--label_map='{name}:NAME' (joins a class with another; without "
            "NAME, leaves it out)"
        )
    if 2 * len(absent) > len(sizes) > _MANY_CLASSES:
        cures.append("another --label_key, if these are no classes")
    raise ValueError(
        f"Every class needs examples in {side}. Classes without any there, "
        f"with their size in all: {labels.sized(absent)}. Use "
        f"{', or '.join([*cures, 'more examples'])}."
    )
