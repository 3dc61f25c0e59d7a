"""Samples that only the fusion gets right, and that only it gets wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure

from text2image import figure_text
from text2image.corpora.examples import CAPTIONS
from tfrecords import jpeg, reader, schema
from trainers.training.metrics import held_out_split

_NUM_EXAMPLES = 6
# Features that are no further texts.
_OTHERS = {"id", "label", "image", "text_vectors", *CAPTIONS}


def caption(right: Sequence[str], wrong: Sequence[str]) -> str:
    """Returns the figure's caption; takes what `split_examples` returns."""
    return (
        "Above, samples that the fusion gets right and every single modality "
        f"gets wrong ({len(right)} of them); below, the other way round "
        f"({len(wrong)})."
    )


def split_examples(
    fused: Mapping[str, bool], singles: Sequence[Mapping[str, bool]]
) -> tuple[list[str], list[str]]:
    """Ids that only the fusion gets right, and that only it gets wrong.

    Args:
        fused: Record id to whether the fusion is right.
        singles: The same of each single modality.
    """
    right = [
        key
        for key, is_right in fused.items()
        if is_right and not any(single[key] for single in singles)
    ]
    wrong = [
        key
        for key, is_right in fused.items()
        if not is_right and all(single[key] for single in singles)
    ]
    return right, wrong


def draw_examples(
    samples: Mapping[str, Mapping[str, Any]],
    right: Sequence[str],
    wrong: Sequence[str],
    predictions: Mapping[str, Mapping[str, tuple[str, str]]],
) -> matplotlib.figure.Figure:
    """Draws the first samples that only the fusion gets right, or wrong.

    Args:
        samples: Record id to `image`, `title` and `description`, bytes each,
            of the samples drawn.
        right: Ids that only the fusion gets right.
        wrong: Ids that only the fusion gets wrong.
        predictions: `fused`, and each single modality, to record id to label
            and prediction.
    """
    figure = matplotlib.figure.Figure(
        figsize=(2.6 * _NUM_EXAMPLES, 9.6), layout="constrained"
    )
    # The empty line is room for long captions.
    headings = (
        f"Only the fusion is right: {len(right)} samples\n",
        f"Only the fusion is wrong: {len(wrong)} samples\n",
    )
    parts = figure.subfigures(2, 1, squeeze=False)[:, 0]
    for part, heading, ids in zip(parts, headings, (right, wrong), strict=True):
        part.suptitle(heading, fontweight="bold")
        row = part.subplots(1, _NUM_EXAMPLES)
        for axes in row:
            axes.set_axis_off()
        for axes, key in zip(row, ids, strict=False):
            sample = samples[key]
            if sample["image"]:
                axes.imshow(jpeg.decode(sample["image"]).numpy())
            texts = [
                figure_text.label(text, 60, wrap=34)
                for name in (*CAPTIONS, *sorted(sample.keys() - _OTHERS))
                if (text := sample[name].decode())
            ]
            answers = {"true": predictions["fused"][key][0]} | {
                name: by_id[key][1] for name, by_id in predictions.items()
            }
            lines = [
                figure_text.label(f"{name}: {label}")
                for name, label in answers.items()
            ]
            axes.set_title("\n".join([*texts, *lines]), fontsize=7, loc="left")
    return figure_text.set_fonts(figure)


def read_samples(
    records: str,
    manifest: schema.Manifest,
    right: Sequence[str],
    wrong: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Reads the records of the samples that `draw_examples` draws.

    Args:
        records: Directory of the records.
        manifest: Manifest of the records.
        right: Ids that only the fusion gets right.
        wrong: Ids that only the fusion gets wrong.

    Returns:
        Record id to the fields of its record.
    """
    ids = {*right[:_NUM_EXAMPLES], *wrong[:_NUM_EXAMPLES]}
    samples = {}
    for batch in reader.read_records(
        records, held_out_split(manifest), manifest=manifest
    ).as_numpy_iterator():
        for row, key in enumerate(batch["id"]):
            if key.decode() in ids:
                samples[key.decode()] = {
                    name: values[row] for name, values in batch.items()
                }
    return samples
