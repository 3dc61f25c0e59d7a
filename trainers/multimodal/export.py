"""A trained multimodal run as a SavedModel for TF Serving.

    python -m trainers.multimodal.export --workdir=RUN [--out=DIR]

JPEG bytes, titles and descriptions in, labels out; as `trainers.export`.
"""

import pathlib
import sys
from collections.abc import Sequence

from tfrecords import command_line, paths
from trainers.serving import options

PROGRAM = options.export_program("trainers.multimodal.export", __doc__)


def export_run(
    workdir: pathlib.Path | str,
    out: pathlib.Path | str | None = None,
    *,
    encoder: str | None = None,
) -> pathlib.Path:
    """Exports a finished run as the next version.

    Args, returns and raises as `trainers.export.export_run`.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from trainers.multimodal import classifier, loading, text_encoders
    from trainers.runs.workdir import EXPORT_DIRECTORY
    from trainers.serving import agreement, functions, saved_model

    keras.backend.clear_session()  # as in `trainers.export`
    run = loading.load_run(workdir)
    manifest = run.manifest
    recorded = manifest.details["encoder"]
    if (
        run.config.has_texts
        and recorded.get("kind") == text_encoders.SAVED_MODEL
    ):
        text_encoders.check_embeddable(
            functions.locate_encoder(recorded, encoder)
        )
    served = classifier.load_classifier(run, encoder)
    provenance = {
        **saved_model.describe(
            run.config,
            run.metrics,
            records_fingerprint=manifest.fingerprint,
            encoder=recorded,
            label_names=manifest.schema.label_names,
        ),
        "records": manifest.provenance,
        "modalities": list(run.config.towers),
        "text_fields": list(manifest.schema.text_fields),
        "num_held_out": run.metrics["num_held_out"],
        **agreement.check(
            run.workdir,
            recorded,
            paths.open_path(run.config.records),
            run.metrics["split"],
            served.serving_default,
        ),
    }
    gray = tf.io.encode_jpeg(np.full((8, 8, 3), 127, np.uint8)).numpy()
    sample = {
        "image": np.array([gray], object),
        **{
            name: np.array([f"A {name}.".encode()], object)
            for name in manifest.schema.text_fields
        },
    }
    return saved_model.export(
        pathlib.Path(out or run.workdir / EXPORT_DIRECTORY),
        served,
        provenance=provenance,
        requests=[("serving_default", sample)],
    )


def export_finished(
    workdir: pathlib.Path, *, encoder: str | None = None
) -> pathlib.Path:
    """Exports a run at its end, unless that is done; as `export_run`."""
    from trainers.multimodal import loading
    from trainers.serving import saved_model

    _, metrics, _ = loading.read_run(workdir)
    return saved_model.reuse_or_export(
        workdir, metrics, lambda: export_run(workdir, encoder=encoder)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exports the run that the flags name."""
    return command_line.main(PROGRAM, _run, argv, check=options.check_export)


def _run(arguments: command_line.Arguments) -> None:
    given = arguments.settings(options.ExportOptions)
    export_run(given.workdir, given.out, encoder=given.encoder)


if __name__ == "__main__":
    sys.exit(main())
