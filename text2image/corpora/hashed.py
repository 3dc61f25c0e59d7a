"""The split that needs no index: a text's side is a hash of it.

    side = hashed.side_of(text, seed)            # TRAIN or VALIDATION
    split = hashed.split(corpus, survey, counts, selection=selection)

Equal texts are on one side by construction. Sides have their shares within
sampling error: of N texts, a share p has the standard deviation
sqrt(N p (1 - p)), so 0.2 of 20,000 texts is 4,000 +- 57.
"""

from collections.abc import Mapping

from text2image.corpora.examples import Corpus
from text2image.corpora.index import REFUSE, Selection
from text2image.corpora.repeats import Counts
from text2image.corpora.split import SHARES, Split
from text2image.corpora.surveys import Survey


def side_of(text: str, seed: int, shares: Mapping[int, float] = SHARES) -> int:
    """The side of a text.

    Args:
        text: The text; case and runs of white space do not matter.
        seed: Seed of the split.
        shares: Side to its share; the rest is `TRAIN`.
    """
    raise NotImplementedError


def split(
    source: Corpus,
    survey: Survey,
    counts: Counts,
    selection: Selection = REFUSE,
) -> Split:
    """What `split_corpus(protocol="hashed")` gives, without its `side`.

    Args:
        source: The corpus; its rows are not read.
        survey: The merged survey of all ranges, with sides.
        counts: The merged counts of repeats.
        selection: Which rows are used, and under which class.

    Raises:
        ValueError: As `split_corpus`.
    """
    raise NotImplementedError
