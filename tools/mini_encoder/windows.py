"""Training batches: windows of reviews with hidden pieces and targets."""

from collections.abc import Iterator

import numpy as np

from tools.mini_encoder.targets import Space, find_targets
from tools.mini_encoder.vocabulary import (
    CLS,
    MASK,
    NUM_PIECES,
    SEP,
    SPECIAL,
    Ids,
)

# Share of the steps for each T: a short window costs less per target, but every
# position must be trained.
WINDOW_SHARES = {64: 0.4, 128: 0.37, 256: 0.2, 512: 0.03}

Batch = dict[str, np.ndarray]


def make_batches(
    ids: Ids, space: Space, steps: range, *, tokens_per_batch: int, seed: int
) -> Iterator[Batch]:
    """Yields the batch of each step, a function of the seed and the step."""
    lengths = np.array([len(text) for text in ids])
    review_targets = find_targets(ids, space)
    for step in steps:
        rng = np.random.default_rng([seed, step])
        width = rng.choice(list(WINDOW_SHARES), p=list(WINDOW_SHARES.values()))
        long_enough = np.flatnonzero(lengths >= width // 2)
        rows = rng.choice(long_enough, tokens_per_batch // width)
        windows = []
        for row in rows:
            size = rng.integers(6 if width == 64 else width // 2, width - 1)
            start = rng.integers(0, max(1, lengths[row] - size))
            start *= rng.integers(2)  # half of them from the beginning
            windows.append(ids[row][start : start + size])
        batch = hide_pieces(pack(windows, width), rng)
        batch["window"] = find_targets(windows, space)
        batch["review"] = review_targets[rows]
        yield batch


def pack(texts: Ids, width: int) -> Batch:
    """Returns the inputs of a BERT backbone, each `(B, T)` with T = width."""
    token_ids = np.zeros((len(texts), width), np.int32)
    mask = np.zeros_like(token_ids)
    for row, text in enumerate(texts):
        pieces = [CLS, *text[: width - 2], SEP]
        token_ids[row, : len(pieces)] = pieces
        mask[row, : len(pieces)] = 1
    segments = np.zeros_like(token_ids)
    names = ("token_ids", "padding_mask", "segment_ids")
    return dict(zip(names, (token_ids, mask, segments), strict=True))


def hide_pieces(batch: Batch, rng: np.random.Generator) -> Batch:
    """Hides 15 % of the pieces, which the masked-language head predicts.

    Source: Devlin et al. 2019, section 3.1: of the hidden pieces 80 % become
    [MASK], 10 % a random piece, 10 % stay.
    """
    ids, lengths = batch["token_ids"], batch["padding_mask"].sum(1)
    positions = np.zeros((len(ids), round(0.15 * ids.shape[1])), np.int32)
    for row, length in enumerate(lengths):
        num = max(1, round(0.15 * (length - 2)))
        positions[row, :num] = 1 + rng.permutation(length - 2)[:num]
    labels = np.take_along_axis(ids, positions, 1)
    other = rng.integers(len(SPECIAL), NUM_PIECES, labels.shape)
    lot = rng.random(labels.shape)
    hidden = np.where(lot < 0.8, MASK, np.where(lot < 0.9, other, labels))
    # Position 0, [CLS], marks an unused slot: it stays as it is.
    hidden = np.where(positions > 0, hidden, CLS).astype(np.int32)
    np.put_along_axis(ids, positions, hidden, 1)
    return {**batch, "mask_positions": positions, "labels": labels}
