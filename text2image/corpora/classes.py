"""The classes of a corpus, from a survey of its rows."""

import dataclasses
from typing import Any

from text2image.corpora import class_names, labels
from text2image.corpora.surveys import Survey


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
class Classes:
    """The classes that are used, and what is not used.

    Attributes:
        names: Class names in label order.
        label_index: Label, as examples have it, to its class.
        audit: Counts of what is not used, and why.
    """

    names: tuple[str, ...]
    label_index: dict[str | None, int]
    audit: dict[str, Any]


def choose(
    survey: Survey,
    name: str,
    declared: tuple[str, ...] | None,
    selection: Selection,
) -> Classes:
    """Decides which rows are used, and names their classes.

    Args:
        survey: All rows of the corpus.
        name: Name of the corpus, for messages.
        declared: Class names that the source states, in label order.
        selection: Which rows are used, and under which class.

    Raises:
        ValueError: If rows cannot be used and must not be dropped, if labels
            are not classes (see `name_classes`), or if fewer than two
            classes are left.
    """
    survey.faults.check(
        selection.bad_rows, selection.max_bad_rows, survey.num_rows
    )
    sizes = survey.labels
    label_map = class_names.parse_map(selection.label_map)
    names = class_names.name_classes(
        sizes, label_map, merge=selection.merge_labels, declared=declared
    )
    class_sizes: dict[str, int] = {}
    for label, count in sizes.items():
        if names[label]:
            class_sizes[names[label]] = class_sizes.get(names[label], 0) + count
    # Files give no order of classes: alphabetical.
    ordered = sorted(class_sizes)
    empty: list[str] = []
    if declared is not None:
        stated = dict.fromkeys(
            names.get(label, label_map.get(label, label)) for label in declared
        )
        ordered = [name for name in stated if name in class_sizes]
        ordered += sorted(set(class_sizes) - set(ordered))
        empty = [name for name in stated if name and name not in class_sizes]
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
            f"of {name} that have a label.{left_out}"
        )
    return Classes(
        names=tuple(used),
        label_index={
            label: used[name] for label, name in names.items() if name in used
        },
        audit={
            "unlabelled": {
                part: count
                for part, rows in survey.parts.items()
                if (
                    count := rows.unlabelled
                    + sum(
                        number
                        for label, number in rows.labels.items()
                        if not names[label]
                    )
                )
            },
            "dropped": dict(survey.faults.causes),
            "merged": {
                label: name
                for label, name in names.items()
                if name != label_map.get(label, label)
            },
            "small_classes": small,
            "empty_classes": empty,
            "alike_classes": class_names.look_alikes(used),
        },
    )
