"""Trains the network, one compiled call per block of steps.

The order of an epoch is drawn from (seed, epoch), so a run that resumes from a
checkpoint ends with the bytes of an uninterrupted one.
"""

import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.image_store import Images, Split, Statistics, unit_scale
from trainers.im2vec.model import build_model, pixel_scale
from trainers.runs import checkpoints
from trainers.runs.workdir import CHECKPOINT_FILE
from trainers.training.metrics import evaluate

# Pixels per compiled call. glibc returns blocks above 32 MiB to the system
# after each use, and allocating them again costs more than the copy.
_BLOCK_BYTES = 16 << 20
_CHECKPOINT_SECONDS = 5.0  # most work that a kill may cost
_NUM_EVALUATIONS = 50  # points of the test curve
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
) -> Trained:
    """Trains a network to its end, from wherever an earlier try left it.

    Args:
        config: Settings.
        images: Train and test images. The last epoch counts; nothing is
            chosen by the test split (the published code does that).
        statistics: Statistics of the train images.
        seed: Seed of the first weights and the order of the images.
        workdir: Directory of `checkpoint.safetensors`.

    Raises:
        FloatingPointError: If the loss is not finite.
        ValueError: If the checkpoint does not fit.
    """
    model = build(config, images, statistics, seed)
    start = np.array(model.get_layer("logits").kernel)
    optimizer = keras.optimizers.SGD(
        config.learning_rate, momentum=config.momentum
    )
    optimizer.build(model.trainable_variables)
    run_block = compile_block(model, optimizer, config)
    predict = tf.function(model, jit_compile=True)
    saved = checkpoints.variables(model, optimizer)
    checkpoint = workdir / CHECKPOINT_FILE
    workdir.mkdir(parents=True, exist_ok=True)
    history: list[dict[str, float]] = []
    if checkpoint.is_file():
        history = checkpoints.load(checkpoint, saved)["history"]
    last_save = time.monotonic()
    every = max(1, config.epochs // _NUM_EVALUATIONS)
    with tqdm.tqdm(
        total=config.epochs,
        initial=len(history),
        unit="epoch",
        desc=f"seed {seed}",
    ) as bar:
        for epoch in range(len(history), config.epochs):
            optimizer.learning_rate = config.learning_rate_of(epoch)
            row = _train_epoch(config, run_block, images.train, seed, epoch)
            done = epoch + 1 == config.epochs
            if done or (epoch + 1) % every == 0:
                metrics = evaluate_split(predict, images.test, len(start))
                row["accuracy"] = metrics["accuracy"]
            history.append(row)
            if done or time.monotonic() - last_save > _CHECKPOINT_SECONDS:
                checkpoints.save(checkpoint, saved, {"history": history})
                last_save = time.monotonic()
            bar.update()
            bar.set_postfix(loss=f"{row['train_loss']:.4f}", refresh=False)
    metrics = evaluate_split(predict, images.test, len(start))
    logging.info("seed %d: test accuracy %.4f", seed, metrics["accuracy"])
    weights = np.array(model.get_layer("logits").kernel)
    return Trained(weights, start, history, metrics)


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
    )


def compile_block(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    config: Im2VecConfig,
) -> Callable[..., tf.Tensor]:
    """Compiles a block of steps.

    Returns:
        A function of pixels `(S, B, P)`, labels `(S, B)` and weights
        `(S, B)` float32, 1 for an image and 0 for padding, that takes S
        steps and returns `(2,)`: the sum of the losses and the number of
        correct images.
    """
    variables = model.trainable_variables

    def step(pixels: Any, labels: Any, weights: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(pixels, training=True)
            scores = logits
            if config.double_softmax:
                scores = keras.ops.softmax(logits)
            # Not the cross-entropy of Keras: it undoes a softmax it recognises.
            chosen = keras.ops.one_hot(labels, logits.shape[-1])
            losses = -weights * keras.ops.sum(
                chosen * keras.ops.log_softmax(scores), axis=-1
            )
            total = keras.ops.sum(losses)
            loss = total / keras.ops.sum(weights)
        gradients = tape.gradient(loss, variables)
        # Weight decay as in PyTorch: of biases too, and before the momentum.
        optimizer.apply(
            [
                gradient + config.weight_decay * variable
                for gradient, variable in zip(gradients, variables, strict=True)
            ],
            variables,
        )
        hits = keras.ops.equal(
            keras.ops.argmax(logits, axis=1), keras.ops.cast(labels, "int32")
        )
        return tf.stack(
            [total, keras.ops.sum(weights * keras.ops.cast(hits, "float32"))]
        )

    @tf.function(jit_compile=True)
    def run_block(pixels: Any, labels: Any, weights: Any) -> tf.Tensor:
        sums = tf.zeros(2)
        for index in tf.range(tf.shape(pixels)[0]):
            sums += step(pixels[index], labels[index], weights[index])
        return sums

    return run_block


def epoch_blocks(
    split: Split, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields the batches of an epoch in its order, for `compile_block`.

    The last batch is padded with images at weight 0.

    Yields:
        Pixels `(S, B, P)`, labels `(S, B)` and weights `(S, B)` of S batches.
    """
    count = len(split.labels)
    batch_size = min(batch_size, count)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    num_steps = math.ceil(count / batch_size)
    step_bytes = batch_size * split.pixels[:1].nbytes
    num_blocks = math.ceil(num_steps * step_bytes / _BLOCK_BYTES)
    for steps in np.array_split(
        np.arange(num_steps), min(num_blocks, num_steps)
    ):
        start = steps[0] * batch_size
        rows = order[start : start + len(steps) * batch_size]
        weights = np.zeros(len(steps) * batch_size, np.float32)
        weights[: len(rows)] = 1
        rows = np.resize(rows, len(weights))
        block = (len(steps), batch_size)
        yield (
            split.pixels[rows].reshape(*block, -1),
            split.labels[rows].reshape(block),
            weights.reshape(block),
        )


def _train_epoch(
    config: Im2VecConfig,
    run_block: Callable[..., tf.Tensor],
    split: Split,
    seed: int,
    epoch: int,
) -> dict[str, float]:
    sums = np.zeros(2)
    for block in epoch_blocks(split, config.batch_size, seed, epoch):
        sums += run_block(*block).numpy()
    loss, accuracy = (sums / len(split.labels)).tolist()
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"The loss is {loss} in epoch {epoch + 1} of seed {seed}. Lower "
            "--learning_rate, or use --normalization=published only with "
            "--double_softmax."
        )
    return {"epoch": epoch + 1, "train_loss": loss, "train_accuracy": accuracy}


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
