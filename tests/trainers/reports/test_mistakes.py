"""What a run gets wrong, against plain loops and scikit-learn."""

import csv

import numpy as np
import pytest
import sklearn.metrics

from trainers.reports import mistakes
from trainers.reports.calibration_figure import draw_calibration
from trainers.reports.mistakes import Predictions
from trainers.reports.mistakes_section import Mistakes
from trainers.runs import predictions
from trainers.training.metrics import calibration_error


def predictions_of(rng, count, num_classes, noise=0.0):
    """A model that is right about most texts; some labels are wrong."""
    truth = np.arange(count) % num_classes
    logits = rng.normal(size=(count, num_classes))
    logits[np.arange(count), truth] += 3
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    is_wrong = rng.random(count) < noise
    labels = np.where(is_wrong, (truth + 1) % num_classes, truth)
    names = tuple(f"class {label}" for label in range(num_classes))
    ids = tuple(f"text-{row}" for row in range(count))
    made = Predictions(
        ids, labels, probabilities.argmax(axis=1), probabilities, names
    )
    return made, is_wrong


def suspects_one_by_one(predictions):
    """Northcutt et al., eq. 1 and 2, as they are written."""
    classes = range(len(predictions.label_names))
    rows = list(zip(predictions.labels, predictions.probabilities, strict=True))
    thresholds = [
        np.mean([row[j] for label, row in rows if label == j]) for j in classes
    ]
    found = {}
    for index, (label, row) in enumerate(rows):
        likely = [j for j in classes if row[j] >= thresholds[j]]
        if likely:
            best = max(likely, key=lambda j: row[j])
            if best != label:
                found[index] = best
    return found


@pytest.mark.parametrize("num_classes", [2, 7])
def test_suspects_are_those_of_confident_learning(rng, num_classes):
    made, _ = predictions_of(rng, 300, num_classes, noise=0.1)
    rows, suggested = made.suspects()
    assert dict(zip(rows, suggested, strict=True)) == suspects_one_by_one(made)
    assert (np.diff(made.self_confidence[rows]) >= 0).all()


def test_labels_that_were_made_wrong_come_first(rng):
    made, is_wrong = predictions_of(rng, 600, 3, noise=0.1)
    rows, suggested = made.suspects()
    first = rows[: is_wrong.sum()]
    assert is_wrong[first].mean() > 0.8
    correct = (made.labels - 1) % 3
    found = is_wrong[rows]
    assert (suggested[found] == correct[rows][found]).mean() > 0.9


def test_mistakes_are_ranked_by_confidence(rng):
    made, _ = predictions_of(rng, 200, 3)
    rows = made.mistakes()
    assert set(rows) == set(np.flatnonzero(made.predicted != made.labels))
    assert (np.diff(made.confidence[rows]) <= 0).all()


def test_figures_of_classes_are_those_of_one_class_against_the_rest(rng):
    made, _ = predictions_of(rng, 200, 4, noise=0.3)
    # Class 3 has no text.
    labels = np.where(made.labels == 3, 0, made.labels)
    made = Predictions(
        made.ids, labels, made.predicted, made.probabilities, made.label_names
    )
    figures = made.class_figures()
    for label in range(3):
        is_true, is_predicted = labels == label, made.predicted == label
        both = (is_true & is_predicted).sum()
        assert figures["texts"][label] == is_true.sum()
        assert figures["recall"][label] == pytest.approx(both / is_true.sum())
        precision = both / is_predicted.sum()
        assert figures["precision"][label] == pytest.approx(precision)
        # The share of pairs in the right order.
        scores = made.probabilities[:, label]
        pairs = scores[is_true][:, np.newaxis] > scores[~is_true]
        assert figures["roc_auc"][label] == pytest.approx(pairs.mean())
    assert np.isnan(figures["roc_auc"][3])
    assert figures["f1"].mean() == pytest.approx(
        sklearn.metrics.f1_score(
            labels,
            made.predicted,
            labels=range(4),
            average="macro",
            zero_division=0,
        )
    )


def test_lists_are_read_back(rng, tmp_path):
    made, _ = predictions_of(rng, 60, 3, noise=0.2)
    predictions.write_predictions(
        tmp_path,
        made.label_names,
        made.ids,
        made.labels,
        made.probabilities,
    )
    read = Predictions.read(tmp_path, made.label_names)
    np.testing.assert_array_equal(read.labels, made.labels)
    np.testing.assert_array_equal(read.predicted, made.predicted)
    ids = mistakes.listed_ids(read)
    for texts in {}, {key: f'a "text",\n{key}' for key in ids}:
        mistakes.write_lists(tmp_path, read, texts)
        for name, rows in (
            (mistakes.MISTAKES_FILE, read.mistakes()),
            (mistakes.SUSPECTS_FILE, read.suspects()[0]),
        ):
            with (tmp_path / name).open(newline="") as file:
                lines = list(csv.DictReader(file))
            assert [line["id"] for line in lines] == [
                made.ids[row] for row in rows
            ]
            assert [line.get("text") for line in lines] == [
                texts.get(line["id"]) for line in lines
            ]


def test_every_one_of_many_classes_has_a_row(rng, tmp_path):
    made, _ = predictions_of(rng, 400, 20, noise=0.3)
    shown = Mistakes(made)
    shown.write_lists(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(shown.files)
    with (tmp_path / mistakes.CLASSES_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list(made.label_names)
    expected = sklearn.metrics.f1_score(
        made.labels, made.predicted, average=None
    )
    np.testing.assert_allclose(
        [float(row["f1"]) for row in rows], expected, atol=1e-6
    )
    assert any("`classes.csv` has all" in line for line in shown.lines())
    few, _ = predictions_of(rng, 100, 3, noise=0.3)
    assert mistakes.CLASSES_FILE not in Mistakes(few).files


def test_the_reliability_figure_shows_the_calibration_error(rng):
    made, _ = predictions_of(rng, 500, 3, noise=0.2)
    correct = made.predicted == made.labels
    figure = draw_calibration(made.confidence, correct)
    line = figure.axes[0].lines[1]
    counts = [int(text.get_text()) for text in figure.axes[0].texts]
    assert sum(counts) == 500
    gaps = np.abs(np.subtract(*line.get_data()))
    assert np.average(gaps, weights=counts) == pytest.approx(
        calibration_error(made.probabilities, made.labels)
    )
    drawn = sum(patch.get_height() for patch in figure.axes[1].patches)
    assert drawn == 500
