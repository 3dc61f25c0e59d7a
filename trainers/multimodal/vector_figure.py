"""t-SNE of a fused run's vectors: the encoder's, and those of each tower."""

import collections
from collections.abc import Mapping

import matplotlib
import matplotlib.figure
import numpy as np
import sklearn.manifold
import sklearn.metrics

from text2image import figure_text
from trainers.multimodal import loading, split_inputs
from trainers.training.metrics import held_out_split

_MOST_POINTS = 1000  # t-SNE's time, and what a figure can show
_MOST_CLASSES = 10  # colours that can be told apart; the paper shows 10
_SEED = 0


def caption(scores: Mapping[str, float | None]) -> str:
    """Returns the figure's caption; takes the silhouette of each group."""
    silhouettes = ", ".join(
        f"{name} {_shown(score)}" for name, score in scores.items()
    )
    return (
        "t-SNE of held-out vectors, coloured by class (the ten most frequent),"
        " as the paper's Figs. 7, 10 and 11: the encoder's own vectors, and "
        "the vectors of each tower. Silhouette by class, in the vectors' own "
        f"space: {silhouettes}."
    )


def read_vectors(run: loading.Run) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Computes the vectors of the held-out samples.

    Returns:
        Name to vectors `(N, D)`, and labels `(N,)` int32.

    Raises:
        ValueError: If the samples do not fit `cache_gb`.
    """
    splits = split_inputs.prepare_inputs(
        run.config,
        run.manifest,
        run.models.extractor,
        set(run.models.classifier.input),
        only=held_out_split(run.manifest),
    )
    (split,) = splits.values()
    if isinstance(split, split_inputs.Streamed):
        raise ValueError(
            "The held-out samples must fit --cache_gb for their vectors to be "
            f"drawn. Received: --cache_gb={run.config.cache_gb}. Raise it."
        )
    groups: dict[str, list[np.ndarray]] = collections.defaultdict(list)
    labels = []
    for values, batch_labels, _ in split.in_order():
        for column, name in enumerate(run.manifest.schema.text_fields):
            if name in run.config.towers:
                vectors = values["text_vectors"][:, column]
                groups[f"{name}, encoder"].append(vectors)
        towers = run.models.vectors.predict_on_batch(values)
        for name, vectors in towers.items():
            groups[name].append(np.asarray(vectors))
        labels.append(batch_labels)
    joined = {name: np.concatenate(parts) for name, parts in groups.items()}
    return joined, np.concatenate(labels)


def draw_vectors(
    groups: dict[str, np.ndarray],
    labels: np.ndarray,
    label_names: list[str],
) -> tuple[matplotlib.figure.Figure, dict[str, float | None]]:
    """Draws t-SNE of several vectors of the same samples.

    Args:
        groups: Name to `(N, D)`.
        labels: `(N,)` int.
        label_names: Names in label order.

    Returns:
        The figure, and each group's mean silhouette by class (Rousseeuw 1987,
        doi:10.1016/0377-0427(87)90125-7; 1 is apart, 0 mixed), Euclidean, of
        the samples drawn; `None` of one class, or of one sample of each.
    """
    classes = np.argsort(-np.bincount(labels), kind="stable")[:_MOST_CLASSES]
    rows = np.flatnonzero(np.isin(labels, classes))
    if len(rows) > _MOST_POINTS:
        rng = np.random.default_rng(_SEED)
        rows = np.sort(rng.choice(rows, _MOST_POINTS, replace=False))
    colours = matplotlib.colormaps["tab10"]
    names = figure_text.class_labels(label_names)
    columns = 2 if len(groups) in (2, 4) else 3
    lines = -(-len(groups) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(4 * columns, 4 * lines + 0.6), layout="constrained"
    )
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    scores: dict[str, float | None] = {}
    has_scores = 1 < len(np.unique(labels[rows])) < len(rows)
    for axes, (name, vectors) in zip(grid, groups.items(), strict=False):
        shown = vectors[rows]
        scores[name] = (
            float(sklearn.metrics.silhouette_score(shown, labels[rows]))
            if has_scores
            else None
        )
        points = _to_plane(shown)
        for number, label in enumerate(classes):
            axes.scatter(
                *points[labels[rows] == label].T,
                s=6,
                color=colours(number),
                label=names[label],
            )
        axes.set_title(f"{name} ({shown.shape[1]}): {_shown(scores[name])}")
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in grid[len(groups) :]:
        axes.set_axis_off()
    handles, legend = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        legend,
        loc="outside lower center",
        ncols=2 * columns - 1,  # names of classes may be long
        markerscale=2.5,
    )
    return figure_text.set_fonts(figure), scores


def _to_plane(vectors: np.ndarray) -> np.ndarray:
    """Points `(N, 2)` by t-SNE; a single sample or number is left as it is."""
    if min(vectors.shape) < 2:
        return np.pad(vectors[:, :1], ((0, 0), (0, 1)))
    return sklearn.manifold.TSNE(
        init="pca",
        perplexity=min(30, (len(vectors) - 1) / 3),
        random_state=_SEED,
    ).fit_transform(vectors)


def _shown(score: float | None) -> str:
    return "not defined" if score is None else f"{score:.3f}"
