"""One pass over a corpus: what every row is, without its text.

Per row it keeps the part and the label, per labelled row a 16-byte digest of
the folded text. Memory peaks at 29 bytes per text.
"""

import array
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from text2image.corpora import bad_rows, blocks, classes, folding, grouping
from text2image.corpora.classes import Selection
from text2image.corpora.examples import Corpus
from text2image.corpora.rows import Fault
from text2image.corpora.surveys import PartSurvey, Survey


@dataclasses.dataclass(frozen=True)
class Index:
    """The rows of a corpus.

    Attributes:
        is_used: `(rows,)` whether a row has a class that is used.
        part: `(used,)` int8 part of each row that is used.
        group: `(used,)` int32; rows with equal folded texts have the same.
        label: `(used,)` int32 class of each row that is used.
        side: `(used,)` int8 side of each row that is used; `None` without
            `side_of`.
        label_names: Class names in label order.
        label_index: Label, as examples have it, to its class.
        audit: Counts of what is not used, and why.
        faults: The faults among the rows.
    """

    is_used: np.ndarray
    part: np.ndarray
    group: np.ndarray
    label: np.ndarray
    side: np.ndarray | None
    label_names: tuple[str, ...]
    label_index: Mapping[str | None, int]
    audit: dict[str, Any]
    faults: bad_rows.Tally


def index_corpus(
    source: Corpus,
    selection: Selection,
    identity: Callable[[Any], str],
    side_of: Callable[[bytes], int] | None = None,
) -> Index:
    """Reads a corpus once and decides which rows are used.

    Args:
        source: The corpus.
        selection: Which rows are used, and under which class.
        identity: Gives the text of an example by which copies are detected.
        side_of: Gives the side of a text by its digest.

    Raises:
        ValueError: If `classes.choose` refuses the rows, or there are more
            than 2,147,483,647 of them.
    """
    part, code, side = array.array("b"), array.array("i"), array.array("b")
    digests, known = grouping.Digests(), dict[str, int]()
    survey = Survey()
    for number, (name, read) in enumerate(source.parts.items()):
        rows = survey.parts[name] = PartSurvey()
        for item in read():
            part.append(number)
            rows.add(item)
            if isinstance(item, Fault):
                survey.faults.add(item)
                code.append(-1)
            elif item.label is None:
                code.append(-1)
            else:
                code.append(known.setdefault(item.label, len(known)))
                digest = folding.digest_of(identity(item))
                digests.add(digest)
                if side_of:
                    side.append(side_of(digest))
        _check_size(source, len(code))
    chosen = classes.choose(survey, source.name, source.label_names, selection)
    # One more entry than labels: -1 finds an unused class.
    index_of_code = np.array(
        [chosen.label_index.get(label, -1) for label in known] + [-1], np.int32
    )
    label = np.frombuffer(code, np.int32)
    is_labelled = label >= 0
    for block in blocks.blocks(len(label)):
        label[block] = index_of_code[label[block]]
    is_used = label >= 0
    used = is_used[is_labelled]  # of the rows that have a digest
    del is_labelled
    group = grouping.number_groups(digests, used)
    del digests
    group = group[used]
    return Index(
        is_used=is_used,
        part=np.frombuffer(part, np.int8)[is_used],
        group=group,
        label=label[is_used],
        side=np.frombuffer(side, np.int8)[used] if side_of else None,
        label_names=chosen.names,
        label_index=chosen.label_index,
        audit=chosen.audit,
        faults=survey.faults,
    )


def _check_size(source: Corpus, num_rows: int) -> None:
    if num_rows > blocks.MOST:
        raise ValueError(
            f"{source.name}: expected at most {blocks.MOST} rows. Received: "
            f"{num_rows}. Use --split=hashed, which needs no index."
        )
