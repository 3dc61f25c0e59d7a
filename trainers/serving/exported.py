"""An export back in Python, for prediction without the run's files."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

from absl import logging

from trainers import export
from trainers.serving import versions


def load_functions(
    directory: pathlib.Path,
) -> tuple[dict[str, Callable], tuple[str, ...]]:
    """Loads a SavedModel that `trainers.export` wrote.

    A SavedModel is a program: load only what you trust.

    Args:
        directory: `<out>/<version>`, or `<out>` for its newest version.

    Returns:
        Its functions by signature, and the class names.

    Raises:
        As `load_with_provenance`.
    """
    functions, provenance = load_with_provenance(directory)
    return functions, tuple(provenance["label_names"])


def load_with_provenance(
    directory: pathlib.Path,
) -> tuple[dict[str, Callable], dict[str, Any]]:
    """As `load_functions`, with all that the export says of itself.

    Raises:
        FileNotFoundError: If no export stands there.
        ValueError: If it is damaged.
        RuntimeError: If its graph holds an op it may not.
    """
    found = versions.numbers(directory)
    if found and not (directory / "saved_model.pb").is_file():
        directory = directory / str(found[-1])
    extra = directory / export.EXTRA
    for path in (directory / "saved_model.pb", extra / export.PROVENANCE):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: not an export. Make one with python -m "
                "trainers.export --workdir=RUN"
            )
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers its ops

    from trainers.serving import allowed_ops

    try:
        _warn_of_versions(extra / export.VERSIONS)
        allowed_ops.check_ops(directory)
        loaded = tf.saved_model.load(str(directory))
        found = json.loads((extra / export.PROVENANCE).read_text("utf-8"))
        tuple(found["label_names"])  # or it is damaged
        return dict(loaded.signatures), found
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(
            f"{directory} is damaged ({error}). Export the run again."
        ) from error


def _warn_of_versions(path: pathlib.Path) -> None:
    made = json.loads(path.read_text("utf-8"))
    here = export.installed_versions()
    for name in ("tensorflow", "tensorflow-text"):
        if made.get(name) != here[name]:
            logging.warning(
                "export made with %s %s, loaded with %s",
                name,
                made.get(name),
                here[name],
            )
