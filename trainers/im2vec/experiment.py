"""One Im2Vec run, from images to its report. Reads top to bottom.

TensorFlow is imported when there is something to do: a finished run answers
at once.
"""

import dataclasses
import json
import pathlib
import typing
from typing import Any

from absl import logging

from tfrecords import files
from tfrecords.settings import fingerprint
from trainers.im2vec.config import ANALYSIS, Im2VecConfig

if typing.TYPE_CHECKING:
    from trainers.im2vec import report


def run(config: Im2VecConfig, workdir: pathlib.Path) -> dict[str, Any]:
    """Makes class vectors, judges them and writes the report.

    Writes to the workdir: `config.json`; `images/` (decoded once);
    `seed<n>/checkpoint.safetensors` of every network; `vectors.csv`,
    `points.csv`, `projector/`, the pictures and `report.md`; `metrics.json`
    last. A killed run goes on where it stopped.

    Args:
        config: Settings. With `classifier` nothing is trained.
        workdir: The run's own directory.

    Returns:
        The contents of `metrics.json`.

    Raises:
        FileNotFoundError: If images or a run are not there.
        ValueError: If settings, images or an earlier try's files do not fit,
            or W2 cannot be inverted as asked.
        FloatingPointError: If the loss is not finite.
    """
    files.make_directory(workdir, "workdir")
    with files.lock(workdir):
        finished = _claim(config, workdir)
        if finished is not None:
            logging.info("class vectors: reusing %s", workdir)
            return finished
        from trainers.im2vec import evaluation, report

        if config.classifier:
            findings = _from_classifiers(config, workdir)
        else:
            findings = _from_training(config, workdir)
        metrics = {
            "config": dataclasses.asdict(config),
            "class_names": list(findings.images.class_names),
            "dataset": findings.images.name,
            "num_train": len(findings.images.train.labels),
            "num_test": len(findings.images.test.labels),
            "fingerprint": findings.images.fingerprint,
            **evaluation.judge(
                config,
                findings.networks,
                findings.random,
                findings.statistics.class_means,
            ),
        }
        report.write_report(config, workdir, findings, metrics)
        files.write_text(
            workdir / "metrics.json", json.dumps(metrics, indent=2)
        )
    return metrics


def default_workdir(config: Im2VecConfig) -> pathlib.Path:
    """`runs/im2vec-`, the dataset, and what tells this run from others."""
    settings = dataclasses.asdict(config)
    for name in (*ANALYSIS, "download"):
        del settings[name]
    where = pathlib.Path(config.dataset or config.classifier.split(",")[0])
    name = where.parent.name if where.name == "1.0.0" else where.name
    mark = fingerprint(settings)[:8]
    return pathlib.Path("runs") / f"im2vec-{name}-{mark}"


def _claim(config: Im2VecConfig, workdir: pathlib.Path) -> dict | None:
    """Takes a workdir for these settings; returns a finished run's metrics.

    Settings of the analysis may change: nothing is trained again for them.
    """
    from trainers.runs import workdir as run_files

    path = workdir / "config.json"
    settings = dataclasses.asdict(config)
    if path.is_file():
        try:
            earlier = dict(json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged ({error}). Name another --workdir."
            ) from error
        run_files.refuse_changes(
            workdir, earlier, settings, may_differ=(*ANALYSIS, "download")
        )
        metrics = workdir / "metrics.json"
        if earlier == settings and metrics.is_file():
            return json.loads(metrics.read_text("utf-8"))
    (workdir / "metrics.json").unlink(missing_ok=True)
    files.write_text(path, json.dumps(settings, indent=2))
    return None


def _from_training(
    config: Im2VecConfig, workdir: pathlib.Path
) -> "report.Findings":
    import numpy as np

    from trainers.im2vec import (
        evaluation,
        from_runs,
        image_store,
        model,
        report,
        train,
    )

    found = image_store.prepare_images(config, workdir / "images")
    statistics = image_store.measure(found)
    networks, histories = [], {}
    for seed in range(config.seed, config.seed + config.num_seeds):
        trained = train.train(
            config, found, statistics, seed, workdir / f"seed{seed}"
        )
        name = f"seed {seed}"
        histories[name] = trained.history
        networks.append(
            evaluation.Network(
                name,
                trained.weights,
                np.array(trained.figures["confusion_matrix"]),
                trained.figures["accuracy"],
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
    return report.Findings(found, statistics, networks, random, histories)


def _from_classifiers(
    config: Im2VecConfig, workdir: pathlib.Path
) -> "report.Findings":
    from trainers.im2vec import evaluation, from_runs, image_store, report

    loaded = from_runs.load_classifiers(config)
    dataset = config.dataset or loaded.records
    if not pathlib.Path(dataset).is_dir():
        raise FileNotFoundError(
            "--classifier needs the image records for the classes' mean "
            f"pictures. {dataset} is gone; name them with --dataset."
        )
    config = dataclasses.replace(config, dataset=dataset)
    found = image_store.prepare_images(config, workdir / "images")
    if found.class_names != loaded.class_names:
        raise ValueError(
            "--classifier and --dataset must have the same classes. "
            f"Received: {loaded.class_names} and {found.class_names}"
        )
    statistics = image_store.measure(found)
    shape = loaded.networks[0].weights.shape
    random = [
        weights.T
        for weights in from_runs.draw_weights(
            loaded.initializer, shape[::-1], evaluation.NUM_RANDOM, config.seed
        )
    ]
    return report.Findings(found, statistics, list(loaded.networks), random, {})
