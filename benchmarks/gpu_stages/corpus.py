"""Texts as long as reviews."""

from collections.abc import Sequence

import numpy as np

# Lengths of IMDB's reviews are about log-normal, with this deviation of the
# logarithm (3,000 unlabelled reviews); with this median the texts, cut at 512
# tokens, have 250 on average.
_MEDIAN, _DEVIATION = 220, 0.65


def draw_texts(
    sentences: Sequence[str],
    num_tokens: Sequence[int],
    count: int,
    seed: int = 0,
) -> list[str]:
    """Joins sentences to texts as long as IMDB's reviews.

    Args:
        sentences: What is drawn, with replacement.
        num_tokens: Tokens of each sentence, [CLS] and [SEP] included.
        count: Number of texts.
        seed: Seed of lengths and sentences.
    """
    rng = np.random.default_rng(seed)
    lengths = _MEDIAN * np.exp(_DEVIATION * rng.standard_normal(count))
    texts = []
    for length in lengths:
        drawn: list[str] = []
        tokens = 2.0  # [CLS] and [SEP]
        while True:
            index = int(rng.integers(len(sentences)))
            added = num_tokens[index] - 2
            if drawn and tokens + added / 2 > length:  # nearest to the length
                break
            drawn.append(sentences[index])
            tokens += added
        texts.append(" ".join(drawn))
    return texts
