"""Words that the encoder's vocabulary does not know."""

import itertools
from collections.abc import Iterable
from typing import Any

from absl import logging

from text2image.bert.encoder import Encoder
from text2image.bert.tokens import Tokens

# More `[UNK]` than this hides much of what the texts say; with more than
# `_REFUSED` nothing is left to learn from.
_WARNED, _REFUSED = 0.05, 0.9
# Texts that are tokenised before the first is encoded.
_SAMPLE = 1000


class UnknownTokens:
    """The share of `[UNK]` among the tokens of a corpus that are kept."""

    def __init__(self) -> None:
        """Starts at none."""
        self._unknown = self._total = 0

    @property
    def share(self) -> float:
        """`[UNK]` among all tokens added, in [0, 1]; [CLS], [SEP] apart."""
        return self._unknown / max(self._total, 1)

    def add(self, tokens: Tokens) -> None:
        """Counts tokenised texts."""
        self._unknown += tokens.num_unknown
        self._total += int((tokens.kept - 2).sum())


def check_vocabulary(
    encoder: Encoder, source: str, texts: Iterable[str]
) -> Tokens:
    """Tokenises the first texts before any is encoded.

    Args:
        encoder: Tokenises.
        source: Its name, for the message.
        texts: Texts of the corpus.

    Returns:
        The tokens of the first texts.

    Raises:
        ValueError: If almost every token is unknown.
    """
    counts = UnknownTokens()
    sample = list(itertools.islice(texts, _SAMPLE))
    tokens = encoder.tokenize(sample)
    counts.add(tokens)
    if counts.share > _REFUSED:
        raise ValueError(
            f"At most {_REFUSED:.0%} of the tokens may be unknown to the "
            f"encoder. Received: {counts.share:.1%} [UNK] in the first "
            f"{len(sample)} texts, such as {sample[0][:60]!r}. The vocabulary "
            f"of {source} does not fit their language: name another with "
            "--encoder."
        )
    return tokens


def warn(share: float) -> None:
    """Logs a warning when many tokens are unknown."""
    if share > _WARNED:
        logging.warning(
            "%.1f%% of the tokens are unknown to the encoder ([UNK]): its "
            "vocabulary may not fit the language of the texts. Name another "
            "with --encoder",
            100 * share,
        )


def describe(details: dict[str, Any]) -> str:
    """Returns `, 1.2% of the tokens unknown`; empty if never counted."""
    # Records made before it was counted lack it.
    if "unknown_share" not in details:
        return ""
    return f", {details['unknown_share']:.1%} of the tokens unknown"
