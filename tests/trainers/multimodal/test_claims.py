"""Claimed labels are mapped and merged as those of the records were."""

import pytest

from text2image.corpora import class_names
from trainers.multimodal import claims


@pytest.mark.parametrize(
    ("counts", "label_map", "merge"),
    [
        ({"a": 3, "b": 2}, "", False),
        ({"0": 3, "4": 2, "neg": 1}, "0:neg,4:pos", False),
        ({"0": 3, "1": 2}, "0:1,1:0", False),
        ({"0": 3, "1": 2, "2": 2}, "2:", False),
        ({"Pos": 3, "pos": 2, "POS ": 1, "neg": 4}, "", True),
        ({"1": 3, "1.0": 9, "neg": 1}, "neg:0", True),
        ({"a": 3, "A": 2, "b": 1, "B": 7}, "a:a,A:A", True),
    ],
)
def test_a_claim_has_the_class_that_its_label_had_in_the_corpus(
    counts, label_map, merge
):
    names = class_names.name_classes(
        counts, class_names.parse_map(label_map), merge=merge
    )
    classes = tuple(sorted({name for name in names.values() if name}))
    provenance = {"label_map": label_map, "merge_labels": merge}
    for label, name in names.items():
        assert claims.class_of(label, classes, provenance) == (name or None)


def test_a_claim_may_be_a_class_or_another_spelling_of_one():
    provenance = {"label_map": "0:neg,1:pos", "merge_labels": True}
    for label, name in [("neg", "neg"), ("POS", "pos"), ("neutral", None)]:
        assert claims.class_of(label, ("neg", "pos"), provenance) == name
    assert claims.class_of("POS", ("neg", "pos"), {}) is None
    assert claims.class_of("pos", ("neg", "pos"), {}) == "pos"
