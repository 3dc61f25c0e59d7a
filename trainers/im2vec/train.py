"""Trains the network, by the loop of the other trainers.

The order of an epoch is drawn from (seed, epoch), so a run that resumes from a
checkpoint ends with the bytes of an uninterrupted one.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from trainers.im2vec import callbacks as im2vec_callbacks
from trainers.im2vec import recipe
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.image_store import Images, Split, Statistics, unit_scale
from trainers.im2vec.model import build_model, pixel_scale
from trainers.runs import checkpoints
from trainers.runs.workdir import CHECKPOINT_FILE
from trainers.training import fit
from trainers.training.callbacks import start_epochs
from trainers.training.finite_loss import FiniteLoss
from trainers.training.metrics import evaluate
from trainers.training.sources import FromHost, Order, Resident, Source
from trainers.training.steps import Steps

# Pixels that are kept in memory, or on the GPU, as a whole; more are read from
# the memory map, some steps ahead. CIFAR's are 154 MB.
_RESIDENT_BYTES = 2 << 30
_PREDICTION_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        weights: W2, `(K, m)` float32.
        start: W2 before the first step, `(K, m)` float32.
        history: One entry per epoch: `epoch` from 1, `train_loss`,
            `train_accuracy` (while learning), and in about 50 of them
            `accuracy` on the test split.
        metrics: Result of `evaluate_split` on the test split after the last
            epoch.
    """

    weights: np.ndarray
    start: np.ndarray
    history: list[dict[str, float]]
    metrics: dict[str, Any]


def train(
    config: Im2VecConfig,
    images: Images,
    statistics: Statistics,
    seed: int,
    workdir: pathlib.Path,
    *,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> Trained:
    """Trains a network to its end, from wherever an earlier try left it.

    Args:
        config: Settings.
        images: Train and test images. The last epoch counts; nothing is
            chosen by the test split (the published code does that).
        statistics: Statistics of the train images.
        seed: Seed of the first weights and the order of the images.
        workdir: Directory of `checkpoint.safetensors`.
        callbacks: Keras callbacks of the caller.

    Raises:
        FloatingPointError: If the loss is not finite.
        ValueError: If the checkpoint does not fit.
    """
    model = build(config, images, statistics, seed)
    start = np.array(model.get_layer("logits").kernel)
    recipe.compile_network(model, config)
    predict = tf.function(model, jit_compile=True)

    def evaluate_test() -> dict[str, Any]:
        return evaluate_split(predict, images.test, len(start))

    workdir.mkdir(parents=True, exist_ok=True)
    history = im2vec_callbacks.History(
        workdir / CHECKPOINT_FILE,
        checkpoints.variables(model, model.optimizer),
        lambda: evaluate_test()["accuracy"],
        {
            "settings": config.training_fingerprint,
            "seed": seed,
            "images": images.fingerprint,
        },
    )
    first = len(history.rows)
    if first < config.epochs and not history.has_stopped:
        source = source_of(images.train, config.batch_size, seed)
        steps = Steps(model, source, jit_compile=True)
        with tqdm.tqdm(
            total=config.epochs,
            initial=first,
            unit="epoch",
            desc=f"seed {seed}",
        ) as bar:
            fit.run_epochs(
                model,
                source,
                steps,
                range(first, config.epochs),
                [
                    start_epochs(steps, model, seed),
                    keras.callbacks.LearningRateScheduler(
                        lambda epoch, _: config.learning_rate_of(epoch)
                    ),
                    FiniteLoss(
                        steps,
                        source,
                        rates="--learning_rate, and use "
                        "--normalization=published only with "
                        "--double_softmax",
                        penalties="--weight_decay",
                    ),
                    im2vec_callbacks.EpochProgress(bar),
                    *callbacks,
                    history,
                ],
            )
    metrics = evaluate_test()
    logging.info("seed %d: test accuracy %.4f", seed, metrics["accuracy"])
    weights = np.array(model.get_layer("logits").kernel)
    return Trained(weights, start, history.rows, metrics)


def source_of(split: Split, batch_size: int, seed: int) -> Source:
    """Returns the train images as `(N, P)` pixels, on the device if they fit.

    A batch has no more images than there are.
    """
    count = len(split.labels)
    order = Order(count, min(batch_size, count), seed, drops_single=False)
    labels = np.asarray(split.labels, np.int32)
    pixels = split.pixels
    if pixels.nbytes > _RESIDENT_BYTES:
        return FromHost(pixels, labels, range(count), order)
    return Resident(
        tf.constant(pixels), tf.constant(labels), range(count), order
    )


def build(
    config: Im2VecConfig,
    images: Images,
    statistics: Statistics,
    seed: int,
) -> keras.Model:
    """Builds the network of a run with its first weights."""
    scale, offset = pixel_scale(
        config.normalization,
        unit_scale(images.train.pixels),
        statistics.channel_mean,
        statistics.channel_std,
    )
    num_classes = len(images.class_names)
    return build_model(
        images.shape,
        images.train.pixels.dtype.name,
        num_classes,
        hidden=config.hidden or num_classes,
        scale=scale,
        offset=offset,
        seed=seed,
        depth=config.depth,
        is_augmented=config.augment,
    )


def evaluate_split(
    predict: Callable[..., Any], split: Split, num_classes: int
) -> dict[str, Any]:
    """Accuracy, mean loss and confusion matrix, one batch at a time."""
    confusion = np.zeros((num_classes, num_classes), np.int64)
    loss = 0.0
    count = len(split.labels)
    for start in range(0, count, _PREDICTION_BATCH):
        part = slice(start, start + _PREDICTION_BATCH)
        labels = np.asarray(split.labels[part])
        logits = np.asarray(predict(np.asarray(split.pixels[part])))
        metrics = evaluate(logits, labels)
        confusion += np.array(metrics["confusion_matrix"])
        loss += metrics["loss"] * len(labels)
    return {
        "accuracy": float(np.trace(confusion) / count),
        "loss": loss / count,
        "confusion_matrix": confusion.tolist(),
    }
