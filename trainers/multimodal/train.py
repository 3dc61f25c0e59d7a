"""Trains and evaluates one multimodal run, from records to metrics."""

import math
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from text2image.corpora.examples import CAPTIONS
from tfrecords import files, paths, reader, schema
from trainers.multimodal import loading, model, split_inputs, transfer
from trainers.multimodal.config import (
    MultimodalTrainConfig,
    check_modalities,
)
from trainers.network import optimizer
from trainers.runs import checkpoints, finished
from trainers.runs.file_list import FileList
from trainers.runs.predictions import write_predictions
from trainers.runs.workdir import (
    HISTORY_FILE,
    MODEL_FILE,
    MODEL_SHA256,
    PREDICTIONS_FILE,
    RECORDS_FINGERPRINT,
    claim_workdir,
    finish,
)
from trainers.training import fit, loop, precision
from trainers.training.inputs import count_batches, predict
from trainers.training.metrics import (
    evaluate,
    figures_of,
    held_out_split,
    softmax,
)

Logits = tuple[np.ndarray, np.ndarray, list[str]]
Change = Callable[[split_inputs.Values], split_inputs.Values]


@loop.deterministic()
def train_and_evaluate(
    config: MultimodalTrainConfig,
    workdir: pathlib.Path | str,
    memo: split_inputs.Memo | None = None,
    *,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> dict[str, Any]:
    """Trains a run to its end, resuming an earlier try.

    Writes `config.json` and `manifest.json` (of the records) before the first
    step; `checkpoint.safetensors`, `history.csv` and TensorBoard logs after
    every epoch; at the end `model.safetensors`, `predictions.csv` and, last,
    `metrics.json`.

    Args:
        config: Settings; `records` names the records.
        workdir: The run's own directory.
        memo: Inputs shared by runs with the same frozen layers.
        callbacks: As of `trainers.training.train.train_and_evaluate`.

    Returns:
        The contents of `metrics.json`: figures of the last epoch on the test
        split (on validation if there is no test split), `validation` with the
        figures of validation, and `removed` with the figures after each
        modality is removed from all examples.

    Raises:
        ValueError: If the records or an earlier try's files do not fit.
        FloatingPointError: If the loss is not finite.
    """
    workdir = pathlib.Path(workdir)
    records = paths.open_path(config.records)
    manifest = reader.open_records(records, kind="multimodal")
    check_modalities(config.modalities, manifest.schema.text_fields)
    transfer.check(config, manifest.provenance)
    run = claim_workdir(config, manifest, workdir)
    files.write_bytes(
        workdir / schema.MANIFEST, (records / schema.MANIFEST).read_bytes()
    )
    FileList.of_run(workdir).record((schema.MANIFEST,))

    def prepare() -> tuple[
        model.Models, keras.Model, dict[str, split_inputs.Split]
    ]:
        num_classes = len(manifest.schema.label_names)
        models = model.build_models(
            config,
            manifest.schema.shape[-1],
            num_classes,
            manifest.schema.text_fields,
        )
        transfer.start(config, models, manifest.schema.label_names)
        splits = split_inputs.prepare_inputs(
            config,
            manifest,
            models.extractor,
            set(models.classifier.input),
            memo=memo,
        )
        is_kept = isinstance(splits["train"], split_inputs.Kept)
        trained = models.classifier if is_kept else models.whole
        compile_model(config, trained, manifest.num_examples("train"))
        return models, trained, splits

    def remake_predictions() -> None:
        models, trained, splits = prepare()
        checkpoints.load(workdir / MODEL_FILE, model.named_variables(models))
        _predict(manifest, trained, splits, workdir)

    earlier = finished.reuse(
        workdir,
        manifest.fingerprint,
        loading.MULTIMODAL_RUN.figures,
        {PREDICTIONS_FILE: remake_predictions},
    )
    if earlier is not None:
        return earlier
    models, trained, splits = prepare()
    history = _train(config, models, trained, splits, workdir, run, callbacks)
    metrics = {
        **_evaluate(config, manifest, trained, splits, workdir),
        "epochs": history,
        "num_train": manifest.num_examples("train"),
        "label_names": list(manifest.schema.label_names),
        "trainable_parameters": sum(
            math.prod(weight.shape) for weight in trained.trainable_variables
        ),
        "missing_weights": list(models.missing),
        "precision": precision.resolve(config.precision),
        **transfer.describe(config, manifest.schema.label_names),
        RECORDS_FINGERPRINT: manifest.fingerprint,
        MODEL_SHA256: checkpoints.save(
            workdir / MODEL_FILE,
            model.named_variables(models),
            {RECORDS_FINGERPRINT: manifest.fingerprint},
        ),
    }
    finish(workdir, (MODEL_FILE, HISTORY_FILE, PREDICTIONS_FILE), metrics)
    return metrics


def _train(
    config: MultimodalTrainConfig,
    models: model.Models,
    trained: keras.Model,
    splits: dict[str, split_inputs.Split],
    workdir: pathlib.Path,
    run: dict[str, Any],
    callbacks: Iterable[keras.callbacks.Callback],
) -> list[dict[str, float]]:
    """Trains the epochs that are missing; returns the figures of all."""
    saved = model.named_variables(models) | {
        f"optimizer/{index}": variable
        for index, variable in enumerate(trained.optimizer.variables)
    }

    def validate() -> dict[str, Any]:
        logits, labels, _ = predict_split(trained, splits["validation"])
        return evaluate(logits, labels)

    return fit.fit(
        trained,
        splits["train"].source(config.batch_size, config.seed),
        fit.Schedule(
            epochs=config.epochs,
            seed=config.seed,
            rates="--tower_lr and --head_lr",
            unit="sample",
            precision=precision.resolve(config.precision),
        ),
        workdir=workdir,
        saved=saved,
        validate=validate,
        run=run,
        half=models.classifier,
        user_callbacks=callbacks,
    )


def _evaluate(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    trained: keras.Model,
    splits: dict[str, split_inputs.Split],
    workdir: pathlib.Path,
) -> dict[str, Any]:
    """Returns the figures of the trained model; writes `predictions.csv`."""
    held_out = held_out_split(manifest)
    validation, validation_labels, _ = predict_split(
        trained, splits["validation"]
    )
    logits, labels = _predict(manifest, trained, splits, workdir)
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


def _predict(
    manifest: schema.Manifest,
    trained: keras.Model,
    splits: dict[str, split_inputs.Split],
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
    split: split_inputs.Split,
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
    split: split_inputs.Split,
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


def compile_model(
    config: MultimodalTrainConfig, trained: keras.Model, num_train: int
) -> None:
    """Sets a model's optimizer and loss; the image tower has its own rate.

    Both rates fall along a half cosine to 0.
    """
    steps = count_batches(num_train, config.batch_size)
    # The optimiser knows parts by the first word of a layer's name.
    words = [name.split("_")[0] for name in config.towers if name != "image"]
    rates = dict.fromkeys(("head", *CAPTIONS, *words), config.head_lr)
    loop.compile_classifier(
        trained,
        optimizer.PartwiseAdam(
            {**rates, "": config.tower_lr},
            decay_steps=config.epochs * steps,
            weight_decay=config.weight_decay or None,
        ),
    )
