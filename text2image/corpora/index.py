"""One pass over a corpus: what every row is, without its text.

Per row it keeps the part and the label, per labelled row a 16-byte digest of
the folded text.
"""

import array
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from text2image.corpora import bad_rows, class_names, labels
from text2image.corpora.examples import Corpus
from text2image.corpora.rows import Fault

_UNLABELLED, _FAULTY = -1, -2


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which rows of a corpus are used, and under which class.

    Attributes:
        label_map: See `class_names.parse_map`.
        merge_labels: Whether labels that look alike become one class.
        bad_rows: `refuse` the corpus, or `drop` the rows.
        max_bad_rows: Largest share of rows that may be dropped.
        min_class_size: Least number of rows of a class that is used.
    """

    label_map: str = ""
    merge_labels: bool = False
    bad_rows: str = "refuse"
    max_bad_rows: float = 0.05
    min_class_size: int = 0


REFUSE = Selection()


@dataclasses.dataclass(frozen=True)
class Index:
    """The rows of a corpus.

    Attributes:
        is_used: `(rows,)` whether a row has a class that is used.
        part: `(used,)` int8 part of each row that is used.
        group: `(used,)` int64; rows with equal folded texts have the same.
        label: `(used,)` int32 class of each row that is used.
        label_names: Class names in label order.
        label_index: Label, as examples have it, to its class.
        audit: Counts of what is not used, and why.
        faults: The faults among the rows.
    """

    is_used: np.ndarray
    part: np.ndarray
    group: np.ndarray
    label: np.ndarray
    label_names: tuple[str, ...]
    label_index: Mapping[str | None, int]
    audit: dict[str, Any]
    faults: bad_rows.Tally


def fold(text: str) -> str:
    """Folds case, and every run of white space to one space."""
    return " ".join(text.casefold().split())


def index_corpus(
    source: Corpus, selection: Selection, identity: Callable[[Any], str]
) -> Index:
    """Reads a corpus once and decides which rows are used.

    Args:
        source: The corpus.
        selection: Which rows are used, and under which class.
        identity: Gives the text of an example by which copies are detected.

    Raises:
        ValueError: If rows cannot be used and must not be dropped, if labels
            are not classes (see `name_classes`), or if fewer than two
            classes are left.
    """
    part, code = array.array("b"), array.array("i")
    digests, known = bytearray(), dict[str, int]()
    faults = bad_rows.Tally()
    for number, read in enumerate(source.parts.values()):
        for item in read():
            part.append(number)
            if isinstance(item, Fault):
                faults.add(item)
                code.append(_FAULTY)
            elif item.label is None:
                code.append(_UNLABELLED)
            else:
                code.append(known.setdefault(item.label, len(known)))
                digests += hashlib.blake2b(
                    fold(identity(item)).encode("utf-8"), digest_size=16
                ).digest()
    faults.check(selection.bad_rows, selection.max_bad_rows, len(code))
    parts, codes = np.array(part, np.int8), np.array(code, np.int32)
    classes = _classes(source, selection, known, codes)
    # One more entry than labels: -1 and -2 both find an unused class.
    index_of_code = np.array(
        [classes.label_index.get(label, -1) for label in known] + [-1, -1],
        np.int32,
    )
    label = index_of_code[codes]
    is_used = label >= 0
    digest = np.frombuffer(bytes(digests), dtype="V16")[is_used[codes >= 0]]
    _, group = np.unique(digest, return_inverse=True)
    unlabelled = classes.is_unlabelled[codes]
    return Index(
        is_used=is_used,
        part=parts[is_used],
        group=group,
        label=label[is_used],
        label_names=classes.names,
        label_index=classes.label_index,
        audit={
            "unlabelled": {
                name: count
                for number, name in enumerate(source.parts)
                if (count := int(unlabelled[parts == number].sum()))
            },
            "dropped": dict(faults.causes),
            "merged": classes.merged,
            "small_classes": classes.small,
            "empty_classes": classes.empty,
            "alike_classes": class_names.look_alikes(classes.names),
        },
        faults=faults,
    )


@dataclasses.dataclass(frozen=True)
class _Classes:
    names: tuple[str, ...]
    label_index: dict[str | None, int]
    is_unlabelled: np.ndarray  # by code; the last two are -2 and -1
    merged: dict[str, str]
    small: dict[str, int]
    empty: list[str]


def _classes(
    source: Corpus,
    selection: Selection,
    known: Mapping[str, int],
    codes: np.ndarray,
) -> _Classes:
    sizes = np.bincount(codes[codes >= 0], minlength=len(known)).tolist()
    label_map = class_names.parse_map(selection.label_map)
    names = class_names.name_classes(
        dict(zip(known, sizes, strict=True)),
        label_map,
        merge=selection.merge_labels,
        declared=source.label_names,
    )
    class_sizes: dict[str, int] = {}
    for label, count in zip(known, sizes, strict=True):
        if names[label]:
            class_sizes[names[label]] = class_sizes.get(names[label], 0) + count
    # Files give no order of classes: alphabetical.
    ordered = sorted(class_sizes)
    empty: list[str] = []
    if source.label_names is not None:
        declared = dict.fromkeys(
            names.get(label, label_map.get(label, label))
            for label in source.label_names
        )
        ordered = [name for name in declared if name in class_sizes]
        ordered += sorted(set(class_sizes) - set(ordered))
        empty = [name for name in declared if name and name not in class_sizes]
    small = {
        name: class_sizes[name]
        for name in ordered
        if class_sizes[name] < selection.min_class_size
    }
    used = {
        name: n for n, name in enumerate(n for n in ordered if n not in small)
    }
    if len(used) < 2:
        left_out = (
            f" --min_class_size={selection.min_class_size} leaves out "
            f"{len(small)}: {labels.listed(small)}."
            if small
            else ""
        )
        raise ValueError(
            "A classifier needs at least two classes. Received: "
            f"[{labels.listed(used)}] in {sum(class_sizes.values())} examples "
            f"of {source.name} that have a label.{left_out}"
        )
    return _Classes(
        names=tuple(used),
        label_index={
            label: used[name] for label, name in names.items() if name in used
        },
        is_unlabelled=np.array(
            [not name for name in names.values()] + [False, True]
        ),
        merged={
            label: name
            for label, name in names.items()
            if name != label_map.get(label, label)
        },
        small=small,
        empty=empty,
    )
