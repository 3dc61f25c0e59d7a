"""Classes from labels: named, mapped, merged, or refused.

Nothing is merged or left out unless the user says so.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

from text2image.corpora.labels import NUMBER, fold_label, listed, shown, sized

_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\\:,]))|(.)", re.DOTALL
)
# What pandas reads as missing (pandas.io.parsers, STR_NA_VALUES, 2.2).
MISSING_WORDS = frozenset(
    (
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    )
)
_SHOWN = 10  # groups that a message lists
# So many different numbers, some of them fractions, are measurements.
_MOST_FRACTIONS = 20


def parse_map(flag: str) -> dict[str, str]:
    r"""Parses `--label_map`: `0:neg,4:pos`; an empty name leaves rows out.

    A colon, comma or backslash in a label is written with a backslash before
    it; `\u200b` is the character of that number.

    Raises:
        ValueError: If an entry is not `LABEL:NAME`, or a label has two names.
    """
    entries: dict[str, str] = {}
    if not flag:
        return entries
    for fields in _split_entries(flag):
        if len(fields) != 2 or not fields[0]:
            raise ValueError(
                "--label_map must be LABEL:NAME, separated by commas, as in "
                "0:neg,4:pos; a colon or comma in a label needs a backslash "
                f"before it. Received: {':'.join(fields)!r} in {flag!r}"
            )
        label, name = fields
        if entries.setdefault(label, name) != name:
            raise ValueError(
                f"--label_map must name each label once. Received: "
                f"{shown(label)} as {shown(entries[label])} and as "
                f"{shown(name)}"
            )
    return entries


def _split_entries(flag: str) -> list[list[str]]:
    entries = [[""]]
    for short, long, literal, other in _ESCAPE.findall(flag):
        if other == ",":
            entries.append([""])
        elif other == ":":
            entries[-1].append("")
        else:
            code = short or long
            entries[-1][-1] += chr(int(code, 16)) if code else literal or other
    return [[field.strip() for field in fields] for fields in entries]


def name_classes(
    counts: Mapping[str, int],
    label_map: Mapping[str, str],
    *,
    merge: bool,
    declared: tuple[str, ...] | None = None,
) -> dict[str, str]:
    """Gives every label the name of its class.

    Args:
        counts: Label to its number of rows.
        label_map: Label to a new name, or to an empty one: unlabelled.
        merge: Whether labels that look alike become one class, named by the
            most frequent spelling; of equally frequent ones, the first in
            alphabetical order.
        declared: Class names that the source states; they are taken as meant,
            even where they look alike or like a missing value.

    Returns:
        Label to the name of its class; empty if its rows are unlabelled.

    Raises:
        ValueError: If `label_map` names a label that does not exist, or, in
            labels that are not declared, if a missing value is a class, labels
            look alike, or they are measurements.
    """
    _check_exist(label_map, {**dict.fromkeys(declared or (), 0), **counts})
    names = {label: label_map.get(label, label) for label in counts}
    sizes: dict[str, int] = {}
    for label, name in names.items():
        if name:
            sizes[name] = sizes.get(name, 0) + counts[label]
    decided = {*label_map.values(), *(declared or ())}
    _check_missing(sizes, decided)
    _check_fractions(sizes, decided)
    groups = look_alikes(sizes, decided)
    if groups and not merge:
        raise ValueError(_alike_message(groups, sizes))
    merged = {
        name: min(group, key=lambda name: (-sizes[name], name))
        for group in groups
        for name in group
    }
    return {label: merged.get(name, name) for label, name in names.items()}


def look_alikes(
    names: Iterable[str], decided: Collection[str] = ()
) -> list[list[str]]:
    """Groups names that look alike, unless all of them are decided."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(fold_label(name), []).append(name)
    return [
        group
        for group in groups.values()
        if len(group) > 1 and not set(group) <= set(decided)
    ]


def _check_exist(
    label_map: Mapping[str, str], known: Mapping[str, int]
) -> None:
    for label in label_map:
        if label in known:
            continue
        near = [name for name in known if fold_label(name) == fold_label(label)]
        near = near or difflib.get_close_matches(label, known, n=3)
        hint = f" Did you mean {listed(near)}?" if near else ""
        raise ValueError(
            f"--label_map names {shown(label)}, which no row has.{hint} "
            f"Labels: {listed(sorted(known))}"
        )


def _check_missing(sizes: Mapping[str, int], decided: Collection[str]) -> None:
    missing = sorted(MISSING_WORDS & set(sizes) - set(decided))
    if not missing:
        return
    rows = sized({word: sizes[word] for word in missing})
    leave = ",".join(f"{word}:" for word in missing)
    keep = ",".join(f"{word}:{word}" for word in missing)
    raise ValueError(
        f"Labels look like missing values (number of rows): {rows}. Leave "
        "these rows out as unlabelled with "
        f"--label_map='{leave}', or make a class of them with "
        f"--label_map='{keep}' or another name."
    )


def _check_fractions(
    sizes: Mapping[str, int], decided: Collection[str]
) -> None:
    """Refuses numbers that are measurements and not names of classes."""
    if set(sizes) <= set(decided) or not all(map(NUMBER.fullmatch, sizes)):
        return
    fractions = [name for name in sizes if "." in fold_label(name)]
    num_rows = sum(sizes.values())
    if fractions and (
        len(sizes) > _MOST_FRACTIONS or len(sizes) > num_rows / 2
    ):
        raise ValueError(
            f"The label must be a class. Received: {len(sizes)} different "
            f"numbers in {num_rows} rows, such as {listed(fractions[:3])}: a "
            "target of regression, which is not supported. Name a column of "
            "classes with --label_key."
        )


def _alike_message(groups: list[list[str]], sizes: Mapping[str, int]) -> str:
    lines = [
        sized({name: sizes[name] for name in group})
        for group in groups[:_SHOWN]
    ]
    if len(groups) > _SHOWN:
        lines.append(f"and {len(groups) - _SHOWN} more")
    first = groups[0]
    most = max(first, key=lambda name: sizes[name])
    entries = ",".join(
        f"{typed(name)}:{typed(most)}" for name in first if name != most
    )
    return (
        "Labels look like one class (number of rows):\n  "
        + "\n  ".join(lines)
        + "\nMerge them with --merge_labels, or name their classes with "
        f"--label_map, as in --label_map='{entries}'; labels that are each "
        "mapped to themselves stay apart."
    )


def typed(label: str) -> str:
    """Writes a label as `parse_map` reads it."""
    return shown(re.sub(r"([\\:,])", r"\\\1", label))[1:-1]
