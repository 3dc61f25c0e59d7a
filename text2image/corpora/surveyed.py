"""The hashed split of a corpus that was surveyed range by range.

It says what `split_corpus(protocol="hashed")` says, except for the side of
every row, which `hashed.side_of` gives where the row is read.
"""

import collections
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from text2image.corpora import bad_rows, classes, copies, sides
from text2image.corpora.classes import REFUSE, Selection
from text2image.corpora.examples import Corpus, Example
from text2image.corpora.repeats import Counts
from text2image.corpora.sides import SHARES, SIDES, TRAIN
from text2image.corpora.surveys import Survey


@dataclasses.dataclass(frozen=True)
class SurveyedSplit:
    """What a split says about a corpus; as `split.Split`, without sides.

    Attributes:
        label_names: Class names; the label of a class is its index.
        audit: Counts of repeats and classes, for the user and the records.
        label_index: Label of an example to the index of its class.
        faults: The rows that cannot be used and are dropped.
    """

    label_names: tuple[str, ...]
    audit: dict[str, Any]
    label_index: Mapping[str | None, int]
    faults: bad_rows.Tally


def choose_classes(
    source: Corpus, survey: Survey, selection: Selection = REFUSE
) -> classes.Classes:
    """Decides which rows are used; gives `repeats.digest_table` its labels.

    Args:
        source: The corpus; its rows are not read.
        survey: The merged survey of all ranges.
        selection: Which rows are used, and under which class.

    Raises:
        ValueError: See `classes.choose`; or if a part has no rows.
    """
    for name, rows in survey.parts.items():
        if not rows.num_rows:
            raise ValueError(
                f"{source.name}: expected rows in {name}. Received: none."
            )
    return classes.choose(survey, source.name, source.label_names, selection)


def split_survey(
    source: Corpus,
    survey: Survey,
    counts: Counts,
    example_at: Callable[[int, int], Example],
    *,
    shares: Mapping[int, float] = SHARES,
    selection: Selection = REFUSE,
) -> SurveyedSplit:
    """Checks the sides of a surveyed corpus and describes them.

    Args:
        source: The corpus; its rows are not read.
        survey: The merged survey of all ranges, with sides.
        counts: The merged counts of all buckets.
        example_at: Reads the example of a range and a row in it, to show the
            first contradiction.
        shares: Side to the share of the texts that is held out.
        selection: Which rows are used, and under which class.

    Raises:
        ValueError: As `split_corpus`.
    """
    chosen = choose_classes(source, survey, selection)
    of_side = {
        which: _sizes(survey, which, chosen) for which in (TRAIN, *shares)
    }
    sizes = {
        name: sum(of_class[name] for of_class in of_side.values())
        for name in chosen.names
    }
    audit: dict[str, Any] = {
        "num_examples": sum(sizes.values()),
        "repeats": counts.repeats,
        "contradictions": _contradictions(counts, chosen, example_at),
        **chosen.audit,
    }
    held_out = [which for which in shares if any(of_side[which].values())]
    for which in (TRAIN, *(held_out or shares)):
        audit[SIDES[which]] = of_side[which]
        sides.check(sizes, of_side[which], SIDES[which], ["--split=pooled"])
    audit["left_out"] = 0
    return SurveyedSplit(chosen.names, audit, chosen.label_index, survey.faults)


def _sizes(
    survey: Survey, side: int, chosen: classes.Classes
) -> dict[str, int]:
    """Class to its number of examples on a side."""
    sizes = dict.fromkeys(chosen.names, 0)
    for rows in survey.parts.values():
        labels = rows.sides.get(side, collections.Counter[str]())
        for label, count in labels.items():
            if label in chosen.label_index:
                sizes[chosen.names[chosen.label_index[label]]] += count
    return sizes


def _contradictions(
    counts: Counts,
    chosen: classes.Classes,
    example_at: Callable[[int, int], Example],
) -> dict[str, Any]:
    found: dict[str, Any] = {"texts": counts.texts, "rows": counts.rows}
    if counts.first:
        examples = [example_at(*position) for position in counts.first]
        found["first"] = copies.describe(
            examples[0].text,
            [example.id for example in examples],
            [
                chosen.names[chosen.label_index[example.label]]
                for example in examples
            ],
        )
    return found
