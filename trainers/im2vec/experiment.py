"""One Im2Vec run, from images to its report. Reads top to bottom."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
from absl import logging

from tfrecords import files
from trainers.im2vec import (
    class_vectors,
    evaluation,
    from_runs,
    image_store,
    model,
    train,
)
from trainers.im2vec.config import ANALYSIS, Im2VecConfig
from trainers.im2vec.report import Findings, write_report
from trainers.runs import holding, json_files
from trainers.runs.file_list import FILE, FileList
from trainers.runs.workdir import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    REPORT_FILE,
    finish,
    is_finished,
    read_metrics,
    refuse_changes,
)

_IMAGES_DIRECTORY = "images"
_ALWAYS = (METRICS_FILE, REPORT_FILE, "vectors.csv")
_MAY_DIFFER = (*ANALYSIS, "download")


def run(config: Im2VecConfig, workdir: pathlib.Path) -> dict[str, Any]:
    """Computes and evaluates class vectors and writes the report.

    Writes to the workdir: `config.json`; `images/` (decoded once);
    `seed<n>/checkpoint.safetensors` of every network; `vectors.csv`,
    `points.csv`, `projector/`, the figures and `report.md`; `metrics.json`
    last. A killed run resumes where it stopped.

    Args:
        config: Settings. With `classifier` nothing is trained.
        workdir: Directory of the run.

    Returns:
        The contents of `metrics.json`.

    Raises:
        FileNotFoundError: If the images or a run do not exist.
        ValueError: If settings, images or the files of an earlier try do not
            fit, or W2 cannot be inverted as asked.
        FloatingPointError: If the loss is not finite.
        RuntimeError: If another process works in the same directory.
    """
    with holding.hold(workdir, "*"):
        if _claim(config, workdir):
            logging.info("class vectors: reusing %s", workdir)
            return read_metrics(workdir)
        return _compute(config, workdir)


def _claim(config: Im2VecConfig, workdir: pathlib.Path) -> bool:
    """Claims a directory for these settings; returns whether it is finished.

    Settings of the analysis may change: nothing is trained again for them.
    """
    path = workdir / CONFIG_FILE
    settings = dataclasses.asdict(config)
    if path.is_file():
        earlier = {
            **config.ADDED_LATER,
            **json_files.read(
                path, cure="Restore it, or name another --workdir."
            ),
        }
        refuse_changes(workdir, earlier, settings, may_differ=_MAY_DIFFER)
        is_same = earlier == settings and is_finished(workdir)
        if is_same and _is_whole(workdir):
            return True
    (workdir / METRICS_FILE).unlink(missing_ok=True)
    files.write_json(path, settings)
    return False


def _is_whole(workdir: pathlib.Path) -> bool:
    """Whether the files of a finished run are as they were written."""
    listed = FileList.of_run(workdir)
    try:
        # Runs of earlier versions have no list.
        faults = listed.faults(None if listed.read() else _ALWAYS)
    except ValueError as error:
        faults = {FILE: str(error)}
    for name, fault in faults.items():
        logging.warning(
            "%s: %s. The results are made again.", workdir / name, fault
        )
    return not faults


def _compute(config: Im2VecConfig, workdir: pathlib.Path) -> dict[str, Any]:
    """Trains or loads networks, evaluates them and writes the results."""
    if config.classifier:
        findings = _from_runs(config, workdir)
    else:
        findings = _from_training(config, workdir)
    metrics = {
        "config": dataclasses.asdict(config),
        "class_names": list(findings.images.class_names),
        "dataset": findings.images.name,
        "num_train": len(findings.images.train.labels),
        "num_test": len(findings.images.test.labels),
        "fingerprint": findings.images.fingerprint,
        **evaluation.evaluate(
            config,
            findings.networks,
            findings.random,
            findings.statistics.class_means,
            findings.images.class_names,
        ),
    }
    write_report(config, workdir, findings, metrics)
    finish(workdir, _results(workdir), metrics)
    return metrics


def _results(workdir: pathlib.Path) -> list[str]:
    """Names of all that is made from images and networks, and the settings."""
    return [
        path.relative_to(workdir).as_posix()
        for path in sorted(workdir.rglob("*"))
        if path.is_file()
        and path.parent.name != _IMAGES_DIRECTORY
        and path.name not in (CHECKPOINT_FILE, METRICS_FILE, FILE, files.LOCK)
    ]


def _from_training(config: Im2VecConfig, workdir: pathlib.Path) -> Findings:
    images = image_store.prepare_images(config, workdir / _IMAGES_DIRECTORY)
    statistics = image_store.measure(images)
    networks, histories = [], {}
    for seed in range(config.seed, config.seed + config.num_seeds):
        trained = train.train(
            config, images, statistics, seed, workdir / f"seed{seed}"
        )
        name = f"seed {seed}"
        histories[name] = trained.history
        networks.append(
            evaluation.Network(
                name,
                trained.weights,
                np.array(trained.metrics["confusion_matrix"]),
                trained.metrics["accuracy"],
                trained.start,
            )
        )
    shape = networks[0].weights.shape
    random = from_runs.draw_weights(
        model.first_weights(shape[1], config.seed),
        shape,
        evaluation.NUM_RANDOM,
        config.seed,
    )
    return Findings(images, statistics, networks, random, histories)


def _from_runs(config: Im2VecConfig, workdir: pathlib.Path) -> Findings:
    runs = from_runs.load_runs(config)
    class_vectors.require_square(
        config.inverse, *runs.networks[0].weights.shape
    )
    dataset = config.dataset or runs.records
    if not pathlib.Path(dataset).is_dir():
        raise FileNotFoundError(
            "--classifier needs the image records for the mean images of the "
            f"classes. {dataset} does not exist. Name them with --dataset."
        )
    config = dataclasses.replace(config, dataset=dataset)
    images = image_store.prepare_images(config, workdir / _IMAGES_DIRECTORY)
    if images.class_names != runs.class_names:
        raise ValueError(
            "--classifier and --dataset must have the same classes. "
            f"Received: {runs.class_names} and {images.class_names}"
        )
    statistics = image_store.measure(images)
    shape = runs.networks[0].weights.shape
    random = [
        weights.T
        for weights in from_runs.draw_weights(
            runs.initializer, shape[::-1], evaluation.NUM_RANDOM, config.seed
        )
    ]
    return Findings(images, statistics, list(runs.networks), random, {})
