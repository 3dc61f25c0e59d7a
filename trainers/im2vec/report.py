"""Writes what a run shows its reader: report.md, figures, vectors."""

import dataclasses
import pathlib
from typing import Any

import matplotlib.figure
import numpy as np

from text2image import figure_text
from tfrecords import files
from trainers.experiments import similarity_tests
from trainers.im2vec import (
    class_vectors,
    distance_figure,
    evaluation,
    figures,
    sample_figure,
    tables,
    vector_files,
)
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.image_store import Images, Statistics
from trainers.reports import markdown
from trainers.reports.confusion_figure import draw_confusion
from trainers.reports.figures import Line, learning_curves, save
from trainers.runs.workdir import REPORT_FILE

_FEW = 10  # classes that a title can name
_LABELS = {
    "confusion": "1 - share confused with each other",
    "class means": "distance of mean images",
}


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a run has computed before its evaluation.

    Attributes:
        images: The dataset.
        statistics: Statistics of its train images.
        networks: Trained networks; the report shows the first.
        random: Untrained W2, `(K, m)` each.
        histories: Name of a network to one entry per epoch; empty if nothing
            was trained.
    """

    images: Images
    statistics: Statistics
    networks: list[evaluation.Network]
    random: list[np.ndarray]
    histories: dict[str, list[dict[str, float]]]


def write_report(
    config: Im2VecConfig,
    workdir: pathlib.Path,
    findings: Findings,
    metrics: dict[str, Any],
) -> pathlib.Path:
    """Writes vectors.csv, points.csv, projector/, figures and report.md.

    Args:
        config: Settings.
        workdir: Directory of the run.
        findings: Weights and images.
        metrics: Contents of `metrics.json`.

    Returns:
        The path of the report.
    """
    names = findings.images.class_names
    shown = findings.networks[0]
    vectors = class_vectors.class_vectors(
        shown.weights, config.inverse, config.ridge
    )
    means = findings.statistics.class_means
    thumbnails = figures.thumbnails(means, findings.images.shape)
    planes = {
        method + ending: points
        for method in ("pca", "svd")
        for ending, points in _plain_and_normalized(vectors, method)
    }
    vector_files.write_vectors(workdir / "vectors.csv", names, vectors)
    vector_files.write_points(workdir / "points.csv", names, planes)
    vector_files.write_projector(
        workdir / "projector", names, vectors, thumbnails
    )
    drawn = {
        "vectors.png": figures.draw_vectors(
            dict(zip(_TITLES, planes.values(), strict=True)), names, thumbnails
        ),
        "truth.png": _draw_distances(shown, vectors, means, metrics, names),
        "samples.png": sample_figure.draw_samples(findings.images, config.seed),
        "confusion.png": draw_confusion(shown.confusion, names),
    }
    if findings.histories:
        drawn["curves.png"] = _draw_curves(findings.histories)
    for name, figure in drawn.items():
        save(figure, workdir / name)
    path = workdir / REPORT_FILE
    files.write_text(path, compose(config, findings, metrics, vectors))
    return path


_TITLES = (
    "PCA (centred)",
    "PCA, points normalised",
    "SVD (uncentred, the published code's)",
    "SVD, points normalised",
)


def _plain_and_normalized(
    vectors: np.ndarray, method: str
) -> list[tuple[str, np.ndarray]]:
    points = class_vectors.to_plane(vectors, method)
    return [("", points), ("_normalized", class_vectors.normalize(points))]


def _draw_curves(
    histories: dict[str, list[dict[str, float]]],
) -> matplotlib.figure.Figure:
    """Train loss and test accuracy by epoch, one line per network."""
    return learning_curves(
        {
            label: [
                Line(name, quantity, [history])
                for name, history in histories.items()
            ]
            for label, quantity in (
                ("train loss", "train_loss"),
                ("test accuracy", "accuracy"),
            )
        }
    )


def _draw_distances(
    network: evaluation.Network,
    vectors: np.ndarray,
    means: np.ndarray,
    metrics: dict[str, Any],
    names: tuple[str, ...],
) -> matplotlib.figure.Figure:
    panels = {}
    for reference in evaluation.REFERENCES:
        row = next(
            row for row in metrics["truth"] if row["reference"] == reference
        )
        test = row["tests"][0]
        title = (
            f"Spearman {tables.number(test['rho'])}, "
            f"p {tables.number(test['p'])} ({test['orders']} orders)"
        )
        panels[f"{title}\n{_LABELS[reference]}"] = (
            similarity_tests.distances(vectors),
            evaluation.reference_distances(reference, network, means),
        )
    return distance_figure.draw_distances(panels, names)


def compose(
    config: Im2VecConfig,
    findings: Findings,
    metrics: dict[str, Any],
    vectors: np.ndarray,
) -> str:
    """Composes the report's Markdown.

    Args:
        config: Settings.
        findings: Weights and images.
        metrics: Contents of `metrics.json`.
        vectors: Class vectors of the network shown, `(K, m)`.
    """
    names = findings.images.class_names
    means = findings.statistics.class_means
    captions = dict(_CAPTIONS)
    for name in ("vectors.png", "samples.png", "confusion.png"):
        captions[name] += figure_text.note_on_numbers(names)
    if not findings.histories:
        del captions["curves.png"]
    return markdown.document(
        [
            f"# Class vectors: {_title(findings)}",
            "",
            _about(config, findings, metrics),
            "",
            *tables.networks_table(metrics),
            "",
            *tables.warning(metrics),
            "## Are the vectors of similar classes close?",
            "",
            "Spearman's correlation between distances of class vectors and "
            "two other distances of the same pairs of classes: 1 minus the "
            "share of test images confused between the two, and the distance "
            "of mean train images. The paper's claim makes it positive. p: "
            "share of orders of the classes that correlate as much (Mantel's "
            "test, one-sided); its least value is 1 over the number of "
            "orders, and near 1 the opposite of the claim holds. Chance: "
            f"{evaluation.NUM_RANDOM} random W2.",
            "",
            *tables.correlations_table(metrics),
            "",
            *tables.stability_table(metrics),
            "",
            *tables.analogies_section(metrics),
            "## Nearest class of each class",
            "",
            *tables.nearest_table(findings.networks[0], vectors, names, means),
            *markdown.figures(captions),
            "",
            "`vectors.csv` holds the vectors, `points.csv` the four views; "
            "`tensorboard --logdir=projector` shows them in 3-D.",
        ]
    )


def _title(findings: Findings) -> str:
    names = findings.images.class_names
    dataset = markdown.plain(findings.images.name)
    if len(names) > _FEW:
        return f"{dataset}, {len(names)} classes"
    shown = (markdown.plain(name, most=40) for name in names)
    return f"{dataset} ({', '.join(shown)})"


_CAPTIONS = {
    "vectors.png": "Class vectors of the first network with the mean image of "
    "each class. The published figures are uncentred SVD, whose first axis is "
    "dominated by what all vectors have in common.",
    "samples.png": "Train images of each class, drawn at random.",
    "truth.png": "A dot per pair of classes; first network, Euclidean.",
    "confusion.png": "Confusion on the test images, first network; percent of "
    "the true class.",
    "curves.png": "Train loss, and accuracy on the test images, by epoch.",
}


def _drops(config: Im2VecConfig) -> str:
    """When the learning rate falls, if it does: `, x 0.1 after epochs ...`."""
    epochs = [str(e) for e in config.milestone_epochs if e < config.epochs]
    if not epochs:
        return ""
    noun = "epochs" if len(epochs) > 1 else "epoch"
    return f", x {config.lr_factor:g} after {noun} {' and '.join(epochs)}"


def _about(
    config: Im2VecConfig, findings: Findings, metrics: dict[str, Any]
) -> str:
    height, width, channels = findings.images.shape
    shape = metrics["networks"][0]["shape"]
    how = class_vectors.resolve(config.inverse, tuple(shape))
    if how == "ridge":
        how += f" {config.ridge:g}"
    if config.classifier:
        origin = "the last dense layer of finished runs"
    else:
        layers = "two linear layers"
        if config.depth > 2:
            layers = f"{config.depth} layers, ReLU after the first "
            layers += f"{config.depth - 2}"
        if config.augment:
            layers += ", images flipped and shifted"
        origin = (
            f"{layers}, "
            f"{markdown.count(config.epochs, 'epoch')} of SGD at "
            f"{config.learning_rate:g} (momentum {config.momentum:g}, weight "
            f"decay {config.weight_decay:g}, batch {config.batch_size}"
            f"{_drops(config)}), pixels: {config.normalization}"
        )
        if config.double_softmax:
            origin += ", softmax applied twice as in the published code"
    return (
        f"{metrics['num_train']} train and {metrics['num_test']} test images "
        f"of {height} x {width} x {channels}, {len(metrics['class_names'])} "
        f"classes. W2 ({shape[0]} x {shape[1]}): {origin}. Vectors: rows of "
        f"the transposed inverse of W2 ({how})."
    )
