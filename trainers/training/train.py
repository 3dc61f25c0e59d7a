"""Trains and evaluates one run, from records to metrics."""

import math
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from tfrecords import reader, schema
from trainers.config import TrainConfig
from trainers.network import model, optimizer
from trainers.runs import checkpoints, provenance
from trainers.runs import workdir as run_files
from trainers.training import feature_cache, frozen_half, loop
from trainers.training import metrics as evaluate

_EVALUATION_BATCH = 256


def train_and_evaluate(
    config: TrainConfig,
    workdir: pathlib.Path,
    *,
    shared_maps: pathlib.Path | None = None,
) -> dict[str, Any]:
    """Trains a run to its end, from wherever an earlier try left it.

    Writes `config.json` before the first step; `checkpoint.safetensors`,
    `history.csv` and TensorBoard logs after every epoch; at the end
    `model.safetensors`, `predictions.csv` and, last, `metrics.json`.

    Args:
        config: Settings; `image_records` names the records.
        workdir: The run's own directory.
        shared_maps: Directory where runs that differ behind the slice only
            (several seeds) find each other's frozen maps; left standing.

    Returns:
        The contents of `metrics.json`. Its `accuracy` is the last epoch's,
        on the validation split; `cumulative_accuracy` is what the published
        code prints: the mean over all validations of the run.

    Raises:
        ValueError: If the records or an earlier try's files do not fit.
        FloatingPointError: If the loss is not finite; the last good epoch
            stays in `checkpoint.safetensors`.
    """
    # --- Records -----------------------------------------------------------
    records = pathlib.Path(config.image_records)
    manifest = reader.open_records(records, kind="image")
    run_files.claim_workdir(config, manifest, workdir)
    provenance.keep(records, manifest, workdir)
    finished = run_files.reuse_metrics(workdir)
    if finished is not None:
        return finished

    checkpoint = workdir / run_files.CHECKPOINT_FILE

    # --- Model -------------------------------------------------------------
    make_deterministic()
    models = model.build_models(
        config, manifest.schema.shape, len(manifest.schema.label_names)
    )
    trained = models.classifier if config.has_constant_maps else models.whole
    _compile(config, trained, manifest.num_examples("train"))

    # --- The frozen half ---------------------------------------------------
    scratch = shared_maps or workdir / "frozen_maps"
    inputs = frozen_half.prepare(
        config, manifest, models, scratch, shared=bool(shared_maps)
    )
    if config.autoencoder == "symmetric" and not checkpoint.is_file():
        _fit_standardization(config, models, inputs["train"])

    # --- Loop --------------------------------------------------------------
    saved = checkpoints.variables(trained, trained.optimizer)
    history: list[dict[str, float]] = []
    correct: list[int] = []  # of each validation, for the cumulative figure
    if checkpoint.is_file():
        progress = checkpoints.load(checkpoint, saved)
        history, correct = progress["history"], progress["correct"]
        logging.info("training: going on behind epoch %d", len(history))
    for epoch in range(len(history), config.epochs):
        figures = _train_epoch(
            config, trained, models.classifier, inputs, epoch, correct
        )
        logits = _validation_logits(config, trained, inputs["validation"])
        figures |= evaluate.evaluate(logits, inputs["validation"].labels)
        correct.append(round(figures["accuracy"] * len(logits)))
        history.append({name: figures[name] for name in run_files.HISTORY})
        run_files.write_history(workdir, history)
        checkpoints.save(
            checkpoint, saved, {"history": history, "correct": correct}
        )
        run_files.log_scalars(workdir, history[-1])

    # --- Results -----------------------------------------------------------
    metrics = _write_results(
        config, workdir, manifest, models, inputs, history, correct
    )
    if shared_maps is None:
        feature_cache.clear(scratch)
    return metrics


def _compile(
    config: TrainConfig, trained: keras.Model, num_examples: int
) -> None:
    num_steps = feature_cache.count_batches(num_examples, config.batch_size)
    cosine = config.lr_schedule == "cosine"
    loop.compile_classifier(
        trained,
        optimizer.PartwiseAdam(
            config.learning_rates,
            decay_steps=config.epochs * num_steps if cosine else 0,
        ),
    )


def _write_results(
    config: TrainConfig,
    workdir: pathlib.Path,
    manifest: schema.Manifest,
    models: model.Models,
    inputs: dict[str, feature_cache.Inputs],
    history: list[dict[str, float]],
    correct: list[int],
) -> dict[str, Any]:
    """Weights, answers and, last, figures; returns the figures."""
    trained = models.classifier if config.has_constant_maps else models.whole
    validation = inputs["validation"]
    logits = _validation_logits(config, trained, validation)
    sha256 = checkpoints.save(
        workdir / run_files.MODEL_FILE,
        checkpoints.variables(models.whole),
        {"image_fingerprint": manifest.fingerprint},
    )
    run_files.write_predictions(
        workdir,
        manifest.schema.label_names,
        validation.ids,
        validation.labels,
        evaluate.softmax(logits),
    )
    metrics = {
        **evaluate.evaluate(logits, validation.labels),
        "cumulative_accuracy": float(np.mean(correct) / len(logits)),
        "best_epoch_accuracy": max(row["accuracy"] for row in history),
        "num_validations": len(correct),
        "num_train": len(inputs["train"].labels),
        "num_validation": len(logits),
        "label_names": list(manifest.schema.label_names),
        "backbone": config.backbone,
        "feature_maps": list(models.extractor.output.shape[1:]),
        "picture_kept": frozen_half.picture_kept(
            config, manifest, models, validation
        ),
        "learning_rates": config.learning_rates,
        "trainable_parameters": sum(
            math.prod(weight.shape) for weight in trained.trainable_variables
        ),
        "epochs": history,
        "image_fingerprint": manifest.fingerprint,
        "model_sha256": sha256,
    }
    run_files.write_metrics(workdir, metrics)
    return metrics


def _fit_standardization(
    config: TrainConfig,
    models: model.Models,
    train: feature_cache.Inputs,
) -> None:
    """Fits the symmetric autoencoder's input on the train maps."""
    batches = (
        train.values[start : start + config.batch_size]
        for start in range(0, len(train.labels), config.batch_size)
    )
    if not config.has_constant_maps:
        batches = (
            feature_cache.predict(models.extractor, images)
            for images in batches
        )
    models.classifier.get_layer("autoencoder_standardization").fit(batches)


def _train_epoch(
    config: TrainConfig,
    trained: keras.Model,
    classifier: keras.Model,
    inputs: dict[str, feature_cache.Inputs],
    epoch: int,
    correct: list[int],
) -> dict[str, float]:
    """One pass over the train split; appends mid-epoch validations."""
    train, validation = inputs["train"], inputs["validation"]
    checkpoints.seed_dropout(classifier, config.seed, epoch)

    def batches() -> Iterator[loop.Batch]:
        drawn = feature_cache.epoch_batches(
            train, config.batch_size, config.seed, epoch
        )
        for step, rows in enumerate(drawn, start=1):
            ids = [train.ids[row] for row in rows]
            yield train.values[rows], train.labels[rows], ids
            # Asking for the next batch says that this step is taken.
            if config.eval_every and step % config.eval_every == 0:
                logits = _validation_logits(config, trained, validation)
                right = logits.argmax(axis=1) == validation.labels
                correct.append(int(right.sum()))

    progress = tqdm.tqdm(
        total=len(train.labels),
        unit="image",
        desc=f"epoch {epoch + 1}/{config.epochs}",
    )
    return loop.train_epoch(
        trained,
        batches(),
        progress,
        epoch,
        rates="--autoencoder_lr and --head_lr",
    )


def _validation_logits(
    config: TrainConfig, trained: keras.Model, inputs: feature_cache.Inputs
) -> np.ndarray:
    """`(N, K)` logits; a batch that matters is as large as in training."""
    by_batch = config.normalization == "batch"
    size = config.batch_size if by_batch else _EVALUATION_BATCH
    return feature_cache.predict_all(trained, inputs.values, size)


def make_deterministic() -> None:
    """The same command gives the same bytes, on a CPU at least."""
    if keras.config.backend() == "tensorflow":
        tf.config.experimental.enable_op_determinism()
