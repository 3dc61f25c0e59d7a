"""Claimed labels to classes, as the records' settings say."""

from collections.abc import Mapping, Sequence
from typing import Any

from text2image.corpora import class_names, labels


def class_of(
    label: str, label_names: Sequence[str], provenance: Mapping[str, Any]
) -> str | None:
    """Finds the class of a label as the corpus spells it.

    Args:
        label: The label, or the name of a class.
        label_names: The classes.
        provenance: That of the records; older ones lack some settings.

    Returns:
        The class, or `None` if it has none.
    """
    label_map = class_names.parse_map(provenance.get("label_map", ""))
    name = label_map.get(label, label)
    if name in label_names:
        return name
    if not name or not provenance.get("merge_labels"):
        return None
    folded = labels.fold_label(name)
    alike = [each for each in label_names if labels.fold_label(each) == folded]
    return alike[0] if len(alike) == 1 else None
