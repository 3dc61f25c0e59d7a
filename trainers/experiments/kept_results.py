"""Results of classifiers as JSON files, kept beside what they are of."""

from collections.abc import Callable
from typing import Any

from absl import logging

from tfrecords import paths
from trainers.runs import json_files

_KEYS = (
    *("accuracy", "num_train", "num_validation", "model", "predictions"),
    "fingerprint",
)


def read(path: paths.Path, fingerprint: str) -> dict[str, Any] | None:
    """Reads the result in `path`, if there is one for these records."""
    if not path.is_file():
        return None
    cure = "It is made again."
    try:
        result = json_files.read(path, ("fingerprint",), cure=cure)
        is_same = result["fingerprint"] == fingerprint
        # Results of the earliest versions have no predictions.
        if is_same and "predictions" in result:
            return json_files.read(path, _KEYS, cure=cure)
    except ValueError as error:
        logging.warning("baseline: %s", error)
    return None


def read_or_fit(
    path: paths.Path, fingerprint: str, fit: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Reads the result in `path`, or fits and writes one.

    Args:
        path: JSON file of the result.
        fingerprint: What it was fitted to.
        fit: Fits, and returns the result without the fingerprint.
    """
    result = read(path, fingerprint)
    if result is not None:
        return result
    result = {**fit(), "fingerprint": fingerprint}
    json_files.write_checked(path, result)
    return result
