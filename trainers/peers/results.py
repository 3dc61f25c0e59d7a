"""Trains the peers that a table lacks, and keeps what they answer."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
from absl import logging

from tfrecords import paths, reader
from tfrecords.command_line import USER_ERRORS
from tfrecords.settings import fingerprint
from trainers.experiments import kept_results
from trainers.peers import kim_cnn, recorded_texts, tuned_bert
from trainers.runs.holding import hold
from trainers.training import loop

# Name to what trains it, and what its result depends on besides texts and seed.
_PEERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "kim_cnn": (kim_cnn.train, dataclasses.asdict(kim_cnn.Settings())),
    "tuned_bert": (tuned_bert.train, {"epochs": tuned_bert.EPOCHS}),
}


def train_all(
    names: Sequence[str], cls_dir: paths.Path, workdir: pathlib.Path, seed: int
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Trains the peers that are not finished, on the texts of some records.

    Args:
        names: Of `options.PEERS`.
        cls_dir: Directory of the `cls` records.
        workdir: Directory of the table.
        seed: Seed of weights, order and dropout.

    Returns:
        Name to a result as of `baselines.logistic_regression`, with `seconds`;
        and `peer` and the name of each that failed to the error's message.
    """
    results, failures = {}, {}
    for name in names:
        try:
            results[name] = _result(name, cls_dir, workdir / "peers", seed)
        except USER_ERRORS as error:
            logging.error("table: %s not trained: %s", name, error)
            failures[f"peer {name}"] = str(error)
    return results, failures


def _result(
    name: str, cls_dir: paths.Path, workdir: pathlib.Path, seed: int
) -> dict[str, Any]:
    manifest = reader.open_records(cls_dir, kind="cls")
    train, settings = _PEERS[name]
    run = {
        "peer": name,
        "seed": seed,
        "records": manifest.fingerprint,
        **settings,
    }
    key = fingerprint(run)
    directory = workdir / f"{name}-seed{seed}-{key}"

    def fit() -> dict[str, Any]:
        logging.info("table: training %s, in %s", name, directory)
        keras.backend.clear_session()
        parts = {
            split: recorded_texts.read(cls_dir, split, manifest)
            for split in ("train", "validation")
        }
        labels = parts["validation"].labels
        with loop.deterministic():
            logits, seconds, model = train(
                parts["train"],
                parts["validation"],
                num_classes=len(manifest.schema.label_names),
                encoder=manifest.details["encoder"],
                workdir=directory,
                run=run,
                seed=seed,
            )
        predictions = logits.argmax(axis=1)
        return {
            "accuracy": float((predictions == labels).mean()),
            "num_train": len(parts["train"].labels),
            "num_validation": len(labels),
            "model": model,
            "seconds": seconds,
            "predictions": predictions.tolist(),
        }

    with hold(directory):
        return kept_results.read_or_fit(directory / "result.json", key, fit)
