"""A trained run as a SavedModel for TF Serving: strings in, labels out.

    python -m trainers.export --workdir=RUN [--out=DIR] [--encoder=DIR]

Writes `<out>/<version>/` aside and renames it, so that a server that watches
`<out>` never sees half a model. `<out>/core/<version>/` is the same model from
token ids or images, for programs without tensorflow-text.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line, paths
from trainers.serving import options

PROGRAM = options.export_program(
    "trainers.export", __doc__, options.BatchingOptions
)


def export_run(
    workdir: pathlib.Path | str,
    out: pathlib.Path | str | None = None,
    *,
    encoder: str | None = None,
    is_grouped: bool = False,
) -> pathlib.Path:
    """Exports a finished run, or a vote of several, as the next version.

    Args:
        workdir: Directory of the run or vote.
        out: Directory of the versions; by default `export` in the workdir.
        encoder: Where the encoder is now, if not where it was.
        is_grouped: Whether the texts of a request are answered together, in a
            few fixed shapes; `<out>/batching.config` then tells TensorFlow
            Serving of them.

    Returns:
        `<out>/<version>`.

    Raises:
        FileNotFoundError: If the run is not finished or the encoder is gone.
        ValueError: If the run's files do not belong together, or it cannot
            take texts (`loading.obstacle`).
        RuntimeError: If another process is exporting to `out`, or the graph
            holds an op that is not allowed.
        OSError: If the files cannot be written.
    """
    import keras

    from trainers.runs.workdir import EXPORT_DIRECTORY
    from trainers.serving import (
        agreement,
        chosen,
        chosen_export,
        run_provenance,
        saved_model,
        vote_classifier,
        warmup_texts,
    )

    workdir = pathlib.Path(workdir)
    if chosen.is_chosen(workdir):
        out = pathlib.Path(out or workdir / EXPORT_DIRECTORY)
        if not chosen.has_images_alone(chosen.read_metrics(workdir)):
            return chosen_export.export(
                workdir, out, encoder, is_grouped=is_grouped
            )
        workdir /= chosen.IMAGES
    # Keras numbers layers over the process: those of the export start anew, so
    # that its bytes are the same after a kill.
    keras.backend.clear_session()
    classifier, runs = vote_classifier.load(
        workdir, encoder, is_grouped=is_grouped
    )
    run, origin = runs[0], runs[0].origin
    provenance = {
        **run_provenance.describe(workdir, runs),
        **agreement.check(
            workdir,
            origin.encoder or {},
            agreement.text_records(
                paths.open_path(run.config.image_records),
                origin.provenance["cls"],
            ),
            "validation",
            classifier.serving_default,
        ),
    }
    return saved_model.export(
        pathlib.Path(out or workdir / EXPORT_DIRECTORY),
        classifier,
        provenance=provenance,
        requests=warmup_texts.requests(classifier, origin.image_shape),
        grouping=classifier.grouping,
    )


def export_finished(
    workdir: pathlib.Path, *, encoder: str | None = None
) -> pathlib.Path | None:
    """Exports a run or vote at its end, unless that is done or cannot be.

    Returns:
        `<workdir>/export/<version>`; `None` if the run cannot take texts,
        which is logged with the reason.

    Raises:
        As `export_run`.
    """
    from trainers.runs import loading, votes
    from trainers.serving import saved_model

    members = votes.member_directories(workdir)
    for directory in members or (workdir,):
        config, metrics, origin = loading.read_run(directory)
        reason = loading.obstacle(config, origin)
        if reason:
            logging.warning("export: skipped. %s", reason)
            return None
    if members:
        metrics = votes.read(workdir)
    return saved_model.reuse_or_export(
        workdir, metrics, lambda: export_run(workdir, encoder=encoder)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exports the run that the flags name."""
    return command_line.main(PROGRAM, _run, argv, check=options.check_export)


def _run(arguments: command_line.Arguments) -> None:
    given = arguments.settings(options.ExportOptions)
    export_run(
        given.workdir,
        given.out,
        encoder=given.encoder,
        is_grouped=arguments.settings(options.BatchingOptions).export_batching,
    )


if __name__ == "__main__":
    sys.exit(main())
