"""Trains and evaluates one multimodal run, from records to metrics."""

import math
import pathlib
from collections.abc import Iterable
from typing import Any

import keras

from tfrecords import files, paths, reader, schema
from trainers.multimodal import (
    evaluation,
    loading,
    model,
    split_inputs,
    transfer,
)
from trainers.multimodal.config import (
    MultimodalTrainConfig,
    check_modalities,
)
from trainers.network import optimizer
from trainers.runs import checkpoints, finished
from trainers.runs.file_list import FileList
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
from trainers.training.inputs import count_batches
from trainers.training.metrics import evaluate


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
        evaluation.write_held_out(manifest, trained, splits, workdir)

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
        **evaluation.evaluate_splits(
            config, manifest, trained, splits, workdir
        ),
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
        logits, labels, _ = evaluation.predict_split(
            trained, splits["validation"]
        )
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


def compile_model(
    config: MultimodalTrainConfig, trained: keras.Model, num_train: int
) -> None:
    """Sets a model's optimizer and loss; the image tower has its own rate.

    Both rates fall along a half cosine to 0.
    """
    steps = count_batches(num_train, config.batch_size)
    # Whole names: ResNet50V2 has a layer `post_bn`, a text may be `post`.
    layers = [f"{name}_tuning" for name in config.towers if name != "image"]
    rates = dict.fromkeys(("head", *layers), config.head_lr)
    loop.compile_classifier(
        trained,
        optimizer.PartwiseAdam(
            {**rates, "": config.tower_lr},
            decay_steps=config.epochs * steps,
            weight_decay=config.weight_decay or None,
        ),
    )
