"""A run that starts from the trained half of a finished one (`--from_run`)."""

import pathlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import keras
from absl import logging

from trainers.runs import checkpoints, finished
from trainers.runs.workdir import MODEL_FILE, MODEL_SHA256

_MOST_NAMED = 5


def refuse_others(
    run: str, settings: Iterable[tuple[str, object, object]]
) -> None:
    """Refuses settings that the trained half of a run cannot fit.

    Args:
        run: Directory of the run that is started from.
        settings: Flag, its value in that run, and its value now.

    Raises:
        ValueError: If any two differ; names the flags that fit.
    """
    wrong = [each for each in settings if each[1] != each[2]]
    if wrong:
        theirs = " ".join(f"--{flag}={value}" for flag, value, _ in wrong)
        ours = " ".join(f"--{flag}={value}" for flag, _, value in wrong)
        raise ValueError(
            f"--from_run={run} fits only the network that it was trained in: "
            f"{theirs}. Received: {ours}. Use the former, or start from "
            "another run."
        )


def describe(
    run: str, metrics: Mapping[str, Any], label_names: Sequence[str]
) -> dict[str, Any]:
    """Returns what metrics.json says about the start of a run.

    Args:
        run: Directory of the run that is started from.
        metrics: Contents of its metrics.json.
        label_names: Classes of the run that starts.
    """
    return {
        "run": pathlib.PurePath(run).name,
        "sha256": metrics[MODEL_SHA256],
        "has_same_classes": _has_same_classes(metrics, label_names),
    }


def copy(
    run: pathlib.Path,
    metrics: Mapping[str, Any],
    variables: Mapping[str, keras.Variable],
    class_layers: Collection[str],
    label_names: Sequence[str],
) -> None:
    """Sets variables to those of a finished run.

    Classes are found by their names, in whatever order. With other classes
    the layers that have a column for each keep their random start.

    Args:
        run: Directory of the finished run.
        metrics: Contents of its metrics.json.
        variables: Name in its file of weights, which begins with the layer's,
            to the variable.
        class_layers: Layers whose last dimension are the classes.
        label_names: Class names in label order.

    Raises:
        FileNotFoundError: If its weights are missing.
        ValueError: If they are damaged, or do not fit.
    """
    finished.check_model(run, dict(metrics))
    arrays = checkpoints.read(run / MODEL_FILE)
    is_same = _has_same_classes(metrics, label_names)
    theirs = list(metrics["label_names"])
    order = [theirs.index(name) for name in label_names] if is_same else []
    values = {}
    for name in variables:
        if name.split("/")[0] not in class_layers:
            values[name] = arrays.get(name)
        elif is_same and name in arrays:
            values[name] = arrays[name][..., order]
    wrong = [
        name
        for name, value in values.items()
        if value is None or value.shape != tuple(variables[name].shape)
    ]
    if wrong:
        raise ValueError(
            f"--from_run={run} does not fit this network: {len(wrong)} of its "
            f"weights are missing or have another shape, such as "
            f"{wrong[:_MOST_NAMED]}. Start from a run of this version with "
            "the same settings."
        )
    for name, value in values.items():
        variables[name].assign(value)
    logging.info(
        "start: %d of %d weights from %s; %s",
        len(values),
        len(variables),
        run,
        "the same classes"
        if is_same
        else f"other classes: {', '.join(sorted(class_layers))} start anew",
    )


def _has_same_classes(
    metrics: Mapping[str, Any], label_names: Sequence[str]
) -> bool:
    return set(metrics["label_names"]) == set(label_names)
