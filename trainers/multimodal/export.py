"""A trained multimodal run as a SavedModel for TF Serving.

    python -m trainers.multimodal.export --workdir=RUN [--out=DIR]

JPEG bytes, titles and descriptions in, labels out; as `trainers.export`.
"""

import pathlib
import typing
from typing import Any

from absl import logging

from trainers import export
from trainers.serving import versions

if typing.TYPE_CHECKING:
    from trainers.multimodal import classifier, loading


def export_run(
    workdir: pathlib.Path | str,
    out: pathlib.Path | str | None = None,
    *,
    encoder: str | None = None,
) -> pathlib.Path:
    """Exports a finished run as the next version; as `export.export_run`."""
    from trainers.multimodal import classifier, loading

    run = loading.load_run(workdir)
    made = classifier.load_classifier(run, encoder)
    final = versions.publish(
        pathlib.Path(out or run.workdir / "export"),
        lambda directory: _write(run, made, directory),
    )
    logging.info("export: made %s", final)
    return final


def export_finished(
    workdir: pathlib.Path, *, encoder: str | None = None
) -> pathlib.Path:
    """Exports a run at its end, unless that is done; as `export_run`."""
    from trainers.multimodal import loading

    _, metrics, _ = loading.read_run(workdir)
    newest = export.latest(workdir / "export", metrics["model_sha256"])
    if newest:
        logging.info("export: reusing %s", newest)
        return newest
    return export_run(workdir, encoder=encoder)


def _write(
    run: "loading.Run",
    made: "classifier.MultimodalClassifier",
    directory: pathlib.Path,
) -> None:
    import numpy as np
    import tensorflow as tf

    blank = tf.io.encode_jpeg(np.full((8, 8, 3), 127, np.uint8)).numpy()
    export.write_model(
        directory,
        made,
        provenance=_provenance(run),
        requests=[
            (
                "serving_default",
                {
                    "image": np.array([blank], object),
                    "title": np.array([b"A title"], object),
                    "description": np.array([b"A description."], object),
                },
            )
        ],
    )


def _provenance(run: "loading.Run") -> dict[str, Any]:
    """What the model was made from; names and hashes, no paths."""
    encoder = dict(run.manifest.details["encoder"])
    encoder["name"] = pathlib.PurePath(encoder.pop("source")).name
    settings = {
        name: value
        for name, value in vars(run.config).items()
        if name != "records"
    }
    settings["weights"] = pathlib.PurePath(settings["weights"]).name
    return {
        "model_sha256": run.metrics["model_sha256"],
        "image_fingerprint": run.manifest.fingerprint,
        "records": run.manifest.provenance,
        "encoder": encoder,
        "settings": settings,
        "label_names": list(run.manifest.schema.label_names),
        "modalities": list(run.config.towers),
        "accuracy": run.metrics["accuracy"],
        "num_held_out": run.metrics["num_held_out"],
    }


if __name__ == "__main__":
    export.start(export_run)
