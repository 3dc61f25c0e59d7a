"""Figures of a fused run: its vectors, and examples it wins and loses."""

import pathlib
from collections.abc import Sequence

from text2image import figure_text
from trainers.multimodal import example_figure, loading, vector_figure
from trainers.multimodal.comparisons import right_by_id
from trainers.reports import figures
from trainers.runs.predictions import read_predictions


def draw(
    out: pathlib.Path, fused: pathlib.Path, singles: Sequence[pathlib.Path]
) -> dict[str, str]:
    """Draws `vectors.png` and `examples.png`.

    Args:
        out: Directory for them.
        fused: A finished run of several modalities, whose records still
            exist.
        singles: Finished runs of each of its modalities alone.

    Returns:
        File name to caption.
    """
    run = loading.load_run(fused)
    groups, labels = vector_figure.read_vectors(run)
    figure, scores = vector_figure.draw_vectors(
        groups, labels, run.metrics["label_names"]
    )
    figures.save(figure, out / "vectors.png")
    right, wrong = example_figure.split_examples(
        right_by_id(fused), [right_by_id(workdir) for workdir in singles]
    )
    predictions = {"fused": read_predictions(fused)} | {
        loading.read_run(workdir)[0].modalities: read_predictions(workdir)
        for workdir in singles
    }
    samples = example_figure.read_samples(
        run.config.records,
        run.manifest,
        right,
        wrong,
    )
    figures.save(
        example_figure.draw_examples(samples, right, wrong, predictions),
        out / "examples.png",
    )
    return {
        "vectors.png": vector_figure.caption(scores)
        + figure_text.note_on_numbers(run.metrics["label_names"]),
        "examples.png": example_figure.caption(right, wrong),
    }
