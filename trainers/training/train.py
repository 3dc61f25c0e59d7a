"""Trains and evaluates one run, from records to metrics."""

import math
import pathlib
import shutil
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from text2image import devices
from tfrecords import paths, reader, schema
from trainers.config import TrainConfig
from trainers.distribution.workers import SINGLE, Workers
from trainers.runs import checkpoints, finished, loading, provenance
from trainers.runs.predictions import write_predictions
from trainers.runs.train_images import TRAIN_IMAGES_FILE
from trainers.runs.workdir import (
    CONFIG_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    MODEL_SHA256,
    PREDICTIONS_FILE,
    RECORDS_FINGERPRINT,
    claim_workdir,
    finish,
)
from trainers.training import (
    fit,
    image_fitting,
    loop,
    parallel_steps,
    precision,
    sources,
    trainee,
    transfer,
)
from trainers.training.inputs import count_batches
from trainers.training.metrics import evaluate, of_validations, softmax
from trainers.training.trainee import Trainee


@loop.deterministic()
def train_and_evaluate(
    config: TrainConfig,
    workdir: pathlib.Path | str,
    *,
    shared_maps: pathlib.Path | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    workers: Workers = SINGLE,
) -> dict[str, Any] | None:
    """Trains a run to its end, from wherever an earlier try left it.

    Writes `config.json` before the first step; `checkpoint.safetensors`,
    `history.csv` and TensorBoard logs after every epoch; at the end
    `model.safetensors`, `predictions.csv`, `train_images.npz` and, last,
    `metrics.json`.

    Args:
        config: Settings; `image_records` names the records.
        workdir: Directory of the run.
        shared_maps: Directory in which runs with the same frozen half (several
            seeds) share its output; not removed.
        callbacks: Keras callbacks, called with `loss`, `cross_entropy` and
            `accuracy` of the train split, and at the end of an epoch also
            with `val_loss`, `val_accuracy`, `val_macro_f1` and
            `val_calibration_error`. One batch to them is one execution of
            many steps. What they remember themselves is not saved: a resumed
            run starts with them anew.
        workers: Replicas that share the training. Only the chief writes, and
            it evaluates after the last epoch alone.

    Returns:
        The contents of `metrics.json`; `None` in a process that is not the
        chief. Its `accuracy` is that of the last epoch on the validation
        split; `cumulative_accuracy` is what the published code prints: the
        mean over all validations of the run.

    Raises:
        ValueError: If the records or the files of an earlier try do not fit.
        FloatingPointError: If the loss is not finite; the last good epoch
            stays in `checkpoint.safetensors`.
    """
    workdir = pathlib.Path(workdir)
    # --- Records -----------------------------------------------------------
    records = paths.open_path(config.image_records)
    manifest = reader.open_records(records, kind="image")
    label_names = manifest.schema.label_names
    transfer.check_map(config, manifest)
    parallel_steps.check_batches(
        workers,
        manifest.num_examples("train"),
        config.batch_size,
        has_norms=config.autoencoder != "linear",
    )
    run = _claim(config, records, manifest, workdir, workers)
    own_maps = workdir / "frozen_maps"

    def prepare(workers: Workers = SINGLE) -> Trainee:
        return trainee.prepare(
            config,
            records,
            manifest,
            shared_maps or own_maps,
            is_shared=shared_maps is not None,
            workers=workers,
        )

    def remake_predictions() -> None:
        prepared = prepare()
        checkpoints.load(
            workdir / MODEL_FILE, checkpoints.variables(prepared.models.whole)
        )
        _predict(prepared, manifest, workdir)

    def fit_train_images() -> None:
        image_fitting.fit(records, manifest).save(workdir)

    remakes = {
        PREDICTIONS_FILE: remake_predictions,
        TRAIN_IMAGES_FILE: fit_train_images,
    }
    earlier = None
    if workers.is_chief:
        earlier = finished.reuse(
            workdir, manifest.fingerprint, loading.TEXT_RUN.figures, remakes
        )
    if workers.text_from_chief("finished" if earlier else "") == "finished":
        workers.finish()
        if workers.is_chief:
            _remove(own_maps)  # if the run was killed after its last file
        return earlier

    # --- Model and inputs --------------------------------------------------
    prepared = prepare(workers)

    # --- Loop --------------------------------------------------------------
    history, correct = _train(
        config, prepared, label_names, workdir, run, callbacks, workers
    )
    workers.finish()
    if not workers.is_chief:
        return None

    # --- Results -----------------------------------------------------------
    metrics = {
        **_evaluate(prepared, manifest, workdir),
        **of_validations(
            correct,
            len(prepared.inputs["validation"].labels),
            count_batches(
                len(prepared.inputs["train"].labels), config.batch_size
            ),
            config.eval_every,
        ),
        "best_epoch_accuracy": max(row["accuracy"] for row in history),
        "label_names": list(label_names),
        "backbone": config.backbone,
        "picture_kept": trainee.image_variance_kept(
            prepared, records, manifest
        ),
        "learning_rates": config.learning_rates,
        "precision": precision.resolve(config.precision),
        "jit_compile": config.jit_compile,
        "device": devices.describe(),
        "epochs": history,
        **transfer.describe(config, label_names),
    }
    if workers.strategy is not None:
        metrics["distribution"] = workers.distribution
        metrics["replicas"] = workers.num_replicas
    fit_train_images()
    finish(workdir, (MODEL_FILE, HISTORY_FILE, *remakes), metrics)
    _remove(own_maps)
    return metrics


def _claim(
    config: TrainConfig,
    records: paths.Path,
    manifest: schema.Manifest,
    workdir: pathlib.Path,
    workers: Workers,
) -> dict[str, Any]:
    """Claims the workdir: the chief first, the others compare."""
    if workers.is_chief:
        run = claim_workdir(config, manifest, workdir)
        provenance.keep(records, manifest, workdir)
    workers.barrier()
    if not workers.is_chief:
        workers.await_file(workdir / CONFIG_FILE)
        run = claim_workdir(config, manifest, workdir)
    return run


def _remove(directory: pathlib.Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _train(
    config: TrainConfig,
    prepared: Trainee,
    label_names: tuple[str, ...],
    workdir: pathlib.Path,
    run: dict[str, Any],
    user_callbacks: Iterable[keras.callbacks.Callback],
    workers: Workers,
) -> tuple[list[dict[str, float]], list[int]]:
    """Trains every epoch that is left.

    Returns:
        The figures of all epochs, and the number of correct examples at each
        validation.
    """
    correct: list[int] = []
    train = prepared.inputs["train"]
    validation = prepared.inputs["validation"]

    def validate() -> dict[str, Any]:
        figures = evaluate(prepared.validation_logits(), validation.labels)
        correct.append(round(figures["accuracy"] * len(validation.labels)))
        return figures

    history = fit.fit(
        prepared.model,
        parallel_steps.divide(
            train,
            sources.Order(len(train.labels), config.batch_size, config.seed),
            workers,
        ),
        fit.Schedule(
            epochs=config.epochs,
            seed=config.seed,
            rates=" and ".join(map("--{}_lr".format, config.learning_rates)),
            unit="image",
            every=config.eval_every,
            within=lambda: correct.append(prepared.count_correct()),
            precision=precision.resolve(config.precision),
            jit_compile=config.jit_compile,
            class_weight=trainee.class_weight(train.labels, config),
        ),
        half=prepared.models.classifier,
        workdir=workdir,
        saved=checkpoints.variables(prepared.model, prepared.model.optimizer),
        validate=validate,
        run=run,
        start=lambda: transfer.start(config, prepared, label_names),
        counts={"correct": correct},
        user_callbacks=user_callbacks,
        workers=workers,
    )
    return history, correct


def _evaluate(
    prepared: Trainee, manifest: schema.Manifest, workdir: pathlib.Path
) -> dict[str, Any]:
    """Evaluates the trained model; writes its weights and predictions."""
    sha256 = checkpoints.save(
        workdir / MODEL_FILE,
        checkpoints.variables(prepared.models.whole),
        {RECORDS_FINGERPRINT: manifest.fingerprint},
    )
    logits = _predict(prepared, manifest, workdir)
    return {
        **evaluate(logits, prepared.inputs["validation"].labels),
        "num_train": len(prepared.inputs["train"].labels),
        "num_validation": len(logits),
        "feature_maps": list(prepared.models.extractor.output.shape[1:]),
        "trainable_parameters": sum(
            math.prod(weight.shape)
            for weight in prepared.model.trainable_variables
        ),
        RECORDS_FINGERPRINT: manifest.fingerprint,
        MODEL_SHA256: sha256,
    }


def _predict(
    prepared: Trainee, manifest: schema.Manifest, workdir: pathlib.Path
) -> np.ndarray:
    """Writes predictions.csv; returns the logits `(N, K)`."""
    validation = prepared.inputs["validation"]
    logits = prepared.validation_logits()
    write_predictions(
        workdir,
        manifest.schema.label_names,
        validation.ids,
        validation.labels,
        softmax(logits),
    )
    return logits
