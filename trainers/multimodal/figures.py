"""Figures of a fused run: its vectors, and examples it wins and loses."""

import pathlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np
import sklearn.manifold
import sklearn.metrics
import tensorflow as tf

from tfrecords import reader, schema
from trainers.multimodal import loading, split_inputs, train
from trainers.multimodal.comparisons import right_by_id
from trainers.reports import figures
from trainers.runs.workdir import read_predictions

_MOST_POINTS = 1000  # t-SNE's time, and what a figure can show
_MOST_CLASSES = 10  # colours that can be told apart; the paper shows 10
_NUM_EXAMPLES = 6
_SEED = 0


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
    groups, labels = _vectors(run)
    figure, scores = draw_vectors(groups, labels, run.metrics["label_names"])
    figures.save(figure, out / "vectors.png")
    right, wrong = split_examples(
        right_by_id(fused), [right_by_id(workdir) for workdir in singles]
    )
    predictions = {"fused": read_predictions(fused)} | {
        loading.read_run(workdir)[0].modalities: read_predictions(workdir)
        for workdir in singles
    }
    samples = _read_samples(
        run.config.records,
        run.manifest,
        {*right[:_NUM_EXAMPLES], *wrong[:_NUM_EXAMPLES]},
    )
    figures.save(
        draw_examples(samples, right, wrong, predictions),
        out / "examples.png",
    )
    return {
        "vectors.png": vectors_caption(scores),
        "examples.png": examples_caption(right, wrong),
    }


def vectors_caption(scores: Mapping[str, float]) -> str:
    """Caption of `vectors.png`; takes the silhouette of each group."""
    silhouettes = ", ".join(
        f"{name} {score:.3f}" for name, score in scores.items()
    )
    return (
        "t-SNE of held-out vectors, coloured by class (the ten most frequent),"
        " as the paper's Figs. 7, 10 and 11: the encoder's own vectors, and "
        "the vectors of each tower. Silhouette by class, in the vectors' own "
        f"space: {silhouettes}."
    )


def examples_caption(right: Sequence[str], wrong: Sequence[str]) -> str:
    """Caption of `examples.png`; takes what `split_examples` gives."""
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


def _vectors(run: loading.Run) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Vectors of held-out samples by name, and their labels."""
    splits = split_inputs.prepare_inputs(
        run.config,
        run.manifest,
        run.models.extractor,
        set(run.models.classifier.input),
        only=train.held_out_split(run.manifest),
    )
    (split,) = splits.values()
    if isinstance(split, split_inputs.Streamed):
        raise ValueError(
            "The held-out samples must fit --cache_gb for their vectors to be "
            f"drawn. Received: --cache_gb={run.config.cache_gb}. Raise it."
        )
    encoder: dict[str, list[np.ndarray]] = {}
    towers: dict[str, list[np.ndarray]] = {}
    labels = []
    for values, batch_labels, _ in split.in_order():
        if "text_vectors" in values:
            for column, name in enumerate(("title", "description")):
                if name in run.config.towers:
                    encoder.setdefault(f"{name}, encoder", []).append(
                        values["text_vectors"][:, column]
                    )
        vectors = run.models.vectors.predict_on_batch(values)
        for name, vector in vectors.items():
            towers.setdefault(name, []).append(np.asarray(vector))
        labels.append(batch_labels)
    return (
        {
            name: np.concatenate(parts)
            for name, parts in {**encoder, **towers}.items()
        },
        np.concatenate(labels),
    )


def draw_vectors(
    groups: dict[str, np.ndarray],
    labels: np.ndarray,
    label_names: list[str],
) -> tuple[matplotlib.figure.Figure, dict[str, float]]:
    """Draws t-SNE of several vectors of the same samples.

    Args:
        groups: Name to `(N, D)`.
        labels: `(N,)` int.
        label_names: Names in label order.

    Returns:
        The figure, and each group's mean silhouette by class (Rousseeuw 1987,
        doi:10.1016/0377-0427(87)90125-7; 1 is apart, 0 mixed), Euclidean, of
        the samples drawn.
    """
    classes = np.argsort(-np.bincount(labels), kind="stable")[:_MOST_CLASSES]
    rows = np.flatnonzero(np.isin(labels, classes))
    if len(rows) > _MOST_POINTS:
        rng = np.random.default_rng(_SEED)
        rows = np.sort(rng.choice(rows, _MOST_POINTS, replace=False))
    colours = matplotlib.colormaps["tab10"]
    columns = 2 if len(groups) in (2, 4) else 3
    lines = -(-len(groups) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(4 * columns, 4 * lines + 0.6), layout="constrained"
    )
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    scores = {}
    for axes, (name, vectors) in zip(grid, groups.items(), strict=False):
        shown = vectors[rows]
        scores[name] = float(
            sklearn.metrics.silhouette_score(shown, labels[rows])
        )
        points = sklearn.manifold.TSNE(
            init="pca",
            perplexity=min(30, (len(rows) - 1) / 3),
            random_state=_SEED,
        ).fit_transform(shown)
        for number, label in enumerate(classes):
            axes.scatter(
                *points[labels[rows] == label].T,
                s=6,
                color=colours(number),
                label=label_names[label],
            )
        axes.set_title(f"{name} ({shown.shape[1]}): {scores[name]:.3f}")
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in grid[len(groups) :]:
        axes.set_axis_off()
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=2 * columns - 1,  # names of classes may be long
        markerscale=2.5,
    )
    return figure, scores


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
                pixels = tf.io.decode_image(
                    sample["image"], expand_animations=False
                )
                axes.imshow(pixels.numpy())
            text = " / ".join(
                short
                for name in ("title", "description")
                if (short := _short(sample[name].decode()))
            )
            answers = [f"true: {predictions['fused'][key][0]}"]
            answers += [
                f"{name}: {by_id[key][1]}"
                for name, by_id in predictions.items()
            ]
            axes.set_title(
                "\n".join([textwrap.fill(text, 34), *answers]),
                fontsize=7,
                loc="left",
            )
    return figure


def _read_samples(
    records: str, manifest: schema.Manifest, ids: set[str]
) -> dict[str, dict[str, Any]]:
    """Record id to the fields of its record, of the held-out split."""
    samples = {}
    for batch in reader.read_records(
        records, train.held_out_split(manifest), manifest=manifest
    ).as_numpy_iterator():
        for row, key in enumerate(batch["id"]):
            if key.decode() in ids:
                samples[key.decode()] = {
                    name: values[row] for name, values in batch.items()
                }
    return samples


def _short(text: str, most: int = 60) -> str:
    # A dollar would start mathematics in matplotlib.
    text = " ".join(text.split()).replace("$", r"\$")
    return text if len(text) <= most else text[: most - 1] + "…"
