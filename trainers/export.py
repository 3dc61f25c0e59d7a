"""A trained run as a SavedModel for TF Serving: strings in, labels out.

    python -m trainers.export --workdir=RUN [--out=DIR] [--encoder=DIR]

Writes `<out>/<version>/` aside and renames it, so that a server that watches
`<out>` never sees half a model.
"""

import functools
import importlib.metadata
import json
import pathlib
import sys
import typing
from collections.abc import Callable
from typing import Any

from absl import app, logging
from absl import flags as absl_flags

from tfrecords import command_line
from trainers.serving import versions

if typing.TYPE_CHECKING:
    import numpy as np

    from trainers.runs import loading
    from trainers.serving import text_classifier

    Request = tuple[str, dict[str, np.ndarray]]


class Servable(typing.Protocol):
    """Functions by name, and every variable they read."""

    constants: list[Any]

    @property
    def signatures(self) -> dict[str, Any]:
        """The functions by the names they are served under."""


EXTRA = "assets.extra"
PROVENANCE = "provenance.json"
VERSIONS = "versions.json"
_VERSIONED = ("tensorflow", "tensorflow-text", "keras", "keras-hub")
_WARMUP_TEXT = b"A warm and funny film, and the ending is great."
_WARMUP_BATCHES = (1, 8, 32)


def export_run(
    workdir: pathlib.Path | str,
    out: pathlib.Path | str | None = None,
    *,
    encoder: str | None = None,
) -> pathlib.Path:
    """Exports a finished run as the next version.

    Args:
        workdir: The run's directory.
        out: Where versions are kept; by default `export` in the workdir.
        encoder: Where the encoder is now, if not where it was.

    Returns:
        `<out>/<version>`.

    Raises:
        FileNotFoundError: If the run is not finished or the encoder is gone.
        ValueError: If the run's files do not belong together, or it cannot
            take texts (`loading.obstacle`).
        RuntimeError: If another process is exporting to `out`, or the graph
            holds an op it may not.
        OSError: If the disk does not take it.
    """
    from trainers.runs import loading
    from trainers.serving import text_classifier

    workdir = pathlib.Path(workdir)
    run = loading.load_run(workdir)
    classifier = text_classifier.load_classifier(run, encoder)
    final = versions.publish(
        pathlib.Path(out or workdir / "export"),
        lambda directory: _write(run, classifier, directory),
    )
    logging.info("export: made %s", final)
    return final


def export_finished(
    workdir: pathlib.Path, *, encoder: str | None = None
) -> pathlib.Path | None:
    """Exports a run at its end, unless that is done or cannot be.

    Returns:
        `<workdir>/export/<version>`; `None` if the run cannot take texts,
        which is logged with the reason.

    Raises:
        As `export_run`.
    """
    from trainers.runs import loading

    config, metrics, kept = loading.read_run(workdir)
    reason = loading.obstacle(config, kept)
    if reason:
        logging.warning("export: skipped. %s", reason)
        return None
    newest = latest(workdir / "export", metrics["model_sha256"])
    if newest:
        logging.info("export: reusing %s", newest)
        return newest
    return export_run(workdir, encoder=encoder)


def latest(out: pathlib.Path, model_sha256: str) -> pathlib.Path | None:
    """The newest version, if it is of the model with these weights.

    Versions that others made, or that were damaged, are of no known model.
    """
    found = versions.numbers(out)
    if not found:
        return None
    newest = out / str(found[-1])
    try:
        kept = json.loads((newest / EXTRA / PROVENANCE).read_text("utf-8"))
        is_same = kept["model_sha256"] == model_sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return newest if is_same else None


def _write(
    run: "loading.Run",
    classifier: "text_classifier.TextClassifier",
    directory: pathlib.Path,
) -> None:
    import numpy as np

    texts: list[Request] = [
        ("serving_default", {"text": np.array([_WARMUP_TEXT] * size, object)})
        for size in _WARMUP_BATCHES
    ]
    blank = np.zeros((1, *run.origin.image_shape), np.float32)
    write_model(
        directory,
        classifier,
        provenance=_provenance(run),
        requests=[*texts, ("images", {"image": blank})],
    )


def write_model(
    directory: pathlib.Path,
    classifier: Servable,
    *,
    provenance: dict[str, Any],
    requests: "list[Request]",
) -> None:
    """Writes a SavedModel with what belongs to it.

    Args:
        directory: Where to; must not exist.
        classifier: What is served.
        provenance: What it was made from, `label_names` and `model_sha256`
            among it.
        requests: Signature and inputs by name, answered before any other.

    Raises:
        RuntimeError: If the graph holds an op it may not.
    """
    import tensorflow as tf

    from trainers.serving import allowed_ops, warmup

    # Only what the signatures reach: no second copy of their functions.
    served = tf.Module(name="classifier")
    served.constants = classifier.constants
    tf.saved_model.save(
        served,
        str(directory),
        signatures={
            name: function.get_concrete_function()
            for name, function in classifier.signatures.items()
        },
    )
    allowed_ops.check_ops(directory)
    extra = directory / EXTRA
    extra.mkdir()
    _write_json(extra / VERSIONS, installed_versions())
    _write_json(extra / PROVENANCE, provenance)
    warmup.write_requests(extra, requests)


def _provenance(run: "loading.Run") -> dict[str, Any]:
    """What the model was made from; names and hashes, no paths."""
    encoder = dict(run.origin.encoder or {})
    encoder["name"] = pathlib.PurePath(encoder.pop("source")).name
    settings = json.loads(run.config.dumps())
    del settings["image_records"]  # a path; the fingerprint says which
    settings["weights"] = pathlib.PurePath(settings["weights"]).name
    return {
        "model_sha256": run.metrics["model_sha256"],
        "image_fingerprint": run.origin.fingerprint,
        "image_records": run.origin.provenance,
        "stacks": run.origin.stacks,
        "map_sha256": run.origin.files["pixel_map.npz"],
        "encoder": encoder,
        "settings": settings,
        "label_names": list(run.origin.label_names),
        "accuracy": run.metrics["accuracy"],
        "num_validation": run.metrics["num_validation"],
    }


def installed_versions() -> dict[str, str]:
    """Of the libraries that made, or would load, a SavedModel."""
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


def _write_json(path: pathlib.Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True), "utf-8")


def start(export: Callable[..., pathlib.Path]) -> None:
    """Runs the command around an `export_run`."""
    command_line.prepare_process()
    _define_flags()
    app.run(functools.partial(_main, export))


def _main(export: Callable[..., pathlib.Path], arguments: list[str]) -> None:
    """Exports the run that the flags name."""
    values = absl_flags.FLAGS
    if len(arguments) > 1 or not values.workdir:
        raise app.UsageError(
            f"Expected --workdir=RUN. Received: {arguments[1:]}"
        )
    try:
        export(values.workdir, values.out, encoder=values.encoder)
    except command_line.MENDABLE as error:
        command_line.fail(error)


def _define_flags() -> None:
    for name, text in (
        ("workdir", "Directory of a finished run."),
        ("out", "Where versions are kept. Default: export in the workdir."),
        (
            "encoder",
            "Directory of the encoder, if it is no longer where it was when "
            "the records were made. Checked by its sha256.",
        ),
    ):
        absl_flags.DEFINE_string(name, None, text)
        # `--help` shows the flags of the program's own file.
        absl_flags.FLAGS.register_key_flag_for_module(
            sys.argv[0], absl_flags.FLAGS[name]
        )


if __name__ == "__main__":
    start(export_run)
