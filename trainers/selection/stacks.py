"""Texts to stacks, as far as time allows, and logistic regression on them."""

import dataclasses
import time

import numpy as np

from text2image.bert.encoder import Encoder
from tfrecords import paths, reader
from tfrecords.config import RecordsConfig
from tfrecords.stages import encoded_records
from tfrecords.stages.stacks import is_made
from trainers.selection import linear
from trainers.selection.clock import Clock
from trainers.selection.texts import Texts

# Of the time left: for the encoder.
_SHARE = 0.5
_TIMED = 32  # texts
# Fewer texts are not worth the time.
_LEAST_TEXTS = 100
_EPSILON = 1e-8  # features that do not vary are left as they are


@dataclasses.dataclass(frozen=True)
class Stacks:
    """Stacks of a split.

    Attributes:
        ids: N ids.
        labels: `(N,)` int64.
        values: `(N, L, D)` float32.
    """

    ids: list[str]
    labels: np.ndarray
    values: np.ndarray


def read(records: paths.Path, split: str) -> Stacks:
    """Reads the stacks of a split into memory."""
    manifest = reader.open_records(records, kind="cls")
    ids: list[str] = []
    labels = []
    shape = (manifest.num_examples(split), *manifest.schema.shape)
    values = np.empty(shape, np.float32)
    for batch in reader.read_records(records, split, manifest=manifest):
        start = len(ids)
        ids += [key.decode() for key in batch["id"].numpy()]
        labels.append(batch["label"].numpy())
        values[start : len(ids)] = batch["stack"].numpy()
    return Stacks(ids, np.concatenate(labels), values)


def limits(settings: RecordsConfig, texts: Texts, clock: Clock) -> list[int]:
    """Decides how many train and validation texts are encoded.

    All, if that is done. Otherwise by the encoder's rate on some train texts.
    Returns two zeros if there is too little time for any.
    """
    sizes = len(texts.train.ids), len(texts.validation.ids)
    if is_made(settings):
        return list(sizes)
    # To compile takes longer than to encode few texts.
    for is_compiled in (False, True):
        rate = _texts_per_second(settings, texts.train.texts, is_compiled)
        share = clock.left * _SHARE * rate / sum(sizes)
        if share >= 1:
            return list(sizes)
    counts = [int(size * share) for size in sizes]
    least = min(sizes[0], max(_LEAST_TEXTS, 10 * len(texts.label_names)))
    if counts[0] < least or counts[1] < 1:
        return [0, 0]
    return [max(count, len(texts.label_names)) for count in counts]


def _texts_per_second(
    settings: RecordsConfig, texts: list[str], is_compiled: bool
) -> float:
    """Measures the encoder on texts at even intervals."""
    bert = load_encoder(settings, is_compiled)
    every = texts[:: max(1, len(texts) // _TIMED)]
    if is_compiled:
        bert.encode(every)  # compiles
    start = time.monotonic()
    bert.encode(every)
    return len(every) / (time.monotonic() - start)


def load_encoder(settings: RecordsConfig, is_compiled: bool) -> Encoder:
    """Loads the encoder that makes the stacks of these settings."""
    resolved = encoded_records.resolve(settings)
    return encoded_records.build_encoder(
        resolved, settings.encoder, compiled=is_compiled
    )


def fit(
    rows: np.ndarray, labels: np.ndarray, num_classes: int, c: float
) -> linear.Linear:
    """Fits logistic regression to standardised stacks.

    Args:
        rows: `(N, F)` float32.
        labels: `(N,)`.
        num_classes: K.
        c: See `linear.fit`.

    Returns:
        A model of stacks that are not standardised.
    """
    mean = rows.mean(axis=0)
    scale = rows.std(axis=0)
    scale[scale < _EPSILON] = 1
    model = linear.fit((rows - mean) / scale, labels, num_classes, c)
    kernel = model.kernel / scale[:, np.newaxis]
    return linear.Linear(kernel, model.bias - mean @ kernel)
