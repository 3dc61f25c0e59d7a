"""What a trained multimodal model predicts on the splits of its records."""

import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from text2image.corpora.examples import CAPTIONS
from tfrecords import schema
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.record_source import Values
from trainers.multimodal.split_inputs import Split
from trainers.runs.predictions import write_predictions
from trainers.training.inputs import predict
from trainers.training.metrics import (
    evaluate,
    figures_of,
    held_out_split,
    softmax,
)

Logits = tuple[np.ndarray, np.ndarray, list[str]]
Change = Callable[[Values], Values]


def evaluate_splits(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    trained: keras.Model,
    splits: dict[str, Split],
    workdir: pathlib.Path,
) -> dict[str, Any]:
    """Returns the figures of the trained model; writes `predictions.csv`."""
    held_out = held_out_split(manifest)
    validation, validation_labels, _ = predict_split(
        trained, splits["validation"]
    )
    logits, labels = write_held_out(manifest, trained, splits, workdir)
    return {
        **figures_of(logits, labels),
        "confusion_matrix": evaluate(logits, labels)["confusion_matrix"],
        "split": held_out,
        "validation": figures_of(validation, validation_labels),
        "removed": _without_each(
            config, trained, splits[held_out], manifest.schema.text_fields
        ),
        "num_held_out": len(labels),
    }


def write_held_out(
    manifest: schema.Manifest,
    trained: keras.Model,
    splits: dict[str, Split],
    workdir: pathlib.Path,
) -> tuple[np.ndarray, np.ndarray]:
    """Writes predictions.csv; returns logits `(N, K)` and labels `(N,)`."""
    logits, labels, ids = predict_split(
        trained, splits[held_out_split(manifest)]
    )
    write_predictions(
        workdir, manifest.schema.label_names, ids, labels, softmax(logits)
    )
    return logits, labels


def _without_each(
    config: MultimodalTrainConfig,
    trained: keras.Model,
    split: Split,
    fields: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Figures after one modality is removed from every example (5.1)."""
    if len(config.towers) == 1:
        return {}
    return {
        name: figures_of(
            *predict_split(
                trained,
                split,
                keep_only(
                    (other for other in config.towers if other != name), fields
                ),
            )[:2]
        )
        for name in config.towers
    }


def predict_split(
    trained: keras.Model,
    split: Split,
    change: Change = lambda values: values,
) -> Logits:
    """Runs a model on a split in inference mode.

    Args:
        trained: The classifier if the split is kept, else the whole model.
        split: The split.
        change: Function applied to the inputs of every batch.

    Returns:
        Logits `(N, K)`, labels `(N,)` and record ids, in the records' order.
    """
    rows = [
        (predict(trained, change(values)), labels, ids)
        for values, labels, ids in split.in_order()
    ]
    logits, labels, ids = zip(*rows, strict=True)
    return (
        np.concatenate(logits),
        np.concatenate(labels),
        [key for part in ids for key in part],
    )


def keep_only(names: Iterable[str], fields: Sequence[str] = CAPTIONS) -> Change:
    """Returns a function that removes all other modalities from inputs.

    Args:
        names: Modalities that stay.
        fields: Texts of the records, in the order of their vectors.
    """
    present = set(names)
    mask = np.array([n in present for n in ("image", *fields)], np.float32)
    return lambda values: {**values, "present": values["present"] * mask}
