"""The audit of a run's data finds what was planted in it."""

import csv
import json

import numpy as np
import pytest

from tests.support import commands, multimodal_corpora
from tfrecords.stages import multimodal
from trainers.multimodal import (
    audit,
    audit_figures,
    audit_sections,
    class_modes,
    suspect_labels,
    train,
    vector_index,
)
from trainers.multimodal.class_similarity import ClassSimilarity
from trainers.reports.mistakes import Predictions

NAMES = ("a|b", "$x_1$", "c")


def make_index(vectors, labels, tmp_path, train_rows=0):
    return vector_index.VectorIndex(
        tmp_path,
        {"image": vectors.shape[1]},
        {"train": train_rows, "test": len(labels) - train_rows},
        vectors.astype(np.float32),
        np.linalg.norm(vectors, axis=1, keepdims=True),
        np.asarray(labels, np.int32),
        np.zeros(len(labels), np.int64),
    )


def make_predictions(rng, count=300):
    """A model that is right about nine labels of ten, and sure of them."""
    labels = rng.integers(0, 3, count)
    logits = rng.normal(size=(count, 3))
    logits[np.arange(count), labels] += 4
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(
        tuple(map(str, range(count))),
        labels,
        probabilities.argmax(axis=1),
        probabilities,
        NAMES,
    )


def test_modes_are_found_where_a_class_has_them(rng, tmp_path):
    centres = rng.normal(size=(4, 20))
    kinds = np.repeat([0, 1, 2], [30, 12, 40])
    vectors = centres[kinds] + 0.1 * rng.normal(size=(82, 20))
    labels = np.repeat([0, 1], [42, 40])
    index = make_index(vectors, labels, tmp_path)
    two, one = (class_modes.find_modes(index, label, 0) for label in (0, 1))
    np.testing.assert_array_equal(two.rows, np.arange(42))
    np.testing.assert_array_equal(two.modes, kinds[:42])
    assert two.count == 2
    assert two.silhouette > 0.5
    for mode, rows in enumerate(two.typical):
        assert len(rows) == 8
        assert (kinds[rows] == mode).all()
    assert one.count == 1
    assert one.silhouette <= 0.25
    assert not one.modes.any()
    assert class_modes.find_modes(index, 2, 0) is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_rows_are_one_mode(rng, tmp_path, count):
    index = make_index(rng.normal(size=(count, 4)), [0] * count, tmp_path)
    found = class_modes.find_modes(index, 0, 0)
    assert found.count == 1
    assert sorted(found.typical[0]) == list(range(count))


def test_outliers_are_no_mode(rng, tmp_path):
    vectors = rng.normal(size=(60, 6)) * 0.05 + 1
    vectors[7] = -5
    index = make_index(vectors, [0] * 60, tmp_path)
    assert class_modes.find_modes(index, 0, 0).count == 1


def test_flipped_labels_are_found_and_counted(rng):
    predictions = make_predictions(rng)
    before = len(predictions.suspects()[0])
    recovery = suspect_labels.flip(predictions, 0.1, seed=0)
    assert recovery == suspect_labels.flip(predictions, 0.1, seed=0)
    assert recovery.flipped == 30
    # Of a model that is right about nine labels of ten.
    assert recovery.recall > 0.7
    assert recovery.suspects <= before + recovery.found + 5
    nothing = suspect_labels.flip(predictions, 0.0, seed=0)
    assert (nothing.recall, nothing.precision) == (0, 0)


def test_sections_name_what_was_found(rng, tmp_path):
    predictions = make_predictions(rng)
    index = make_index(rng.normal(size=(300, 4)), predictions.labels, tmp_path)
    recovery = suspect_labels.flip(predictions, 0.05, seed=0)
    text = "\n".join(
        audit_sections.suspects_section(predictions, recovery, 0.05)
    )
    assert "5% of these labels (15) were flipped" in text
    rows = np.arange(40)
    modes = class_modes.Modes(
        0, rows, np.repeat([0, 1], [30, 10]), 0.5, (rows[:8], rows[30:38])
    )
    text = "\n".join(audit_sections.modes_section(index, predictions, [modes]))
    assert "1 of 1 classes have several modes" in text
    right = np.mean(predictions.predicted[:30] == 0)
    assert f"1 of 2 | 0.500 | 30 | {right:.3f}" in text


@pytest.mark.filterwarnings("error")
def test_similar_classes_are_drawn_and_listed(rng):
    cosines = np.array([[1, 0.9, -0.5], [0.9, 1, -0.6], [-0.5, -0.6, 1]])
    similarity = ClassSimilarity(
        np.arange(3), cosines, {"rho": 0.5, "p": 0.25, "orders": 6}
    )
    figure = audit_figures.draw_similarity(similarity, NAMES)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), cosines)
    predictions = make_predictions(rng)
    lines = audit_sections.similarity_section(predictions, similarity)
    first = next(line for line in lines if "0.900" in line)
    assert "a\\|b" in first
    assert audit_sections.similarity_section(predictions, None) == [
        "The model sees titles of fewer than two classes."
    ]


def test_an_audit_needs_a_run(tmp_path, capsys):
    assert commands.exit_code(audit.main, []) == 2
    assert "Expected --workdir=RUN" in capsys.readouterr().err
    assert commands.exit_code(audit.main, [f"--workdir={tmp_path}"]) == 1
    assert "trainers.multimodal.run has finished" in capsys.readouterr().err


@pytest.mark.slow
def test_labels_that_were_flipped_in_the_corpus_are_suspects(
    make_config, tmp_path
):
    corpus = multimodal_corpora.write_jsonl(tmp_path / "corpus", 240)
    rows = list(map(json.loads, corpus.read_text("utf-8").splitlines()))
    names = multimodal_corpora.LABELS
    for row in rows[5::20]:
        row["label"] = names[(names.index(row["label"]) + 1) % 3]
    flipped = {str(line) for line in range(6, 241, 20)}
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    records = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(
            corpus, tmp_path / "records", text_layers="last2"
        )
    )
    workdir = tmp_path / "run"
    train.train_and_evaluate(make_config(records=str(records)), workdir)
    assert commands.exit_code(audit.main, [f"--workdir={workdir}"]) == 0
    out = workdir / "audit"
    with (out / "suspects.csv").open(encoding="utf-8", newline="") as file:
        suspects = {row["id"] for row in csv.DictReader(file)}
    lines = (workdir / "index/rows.jsonl").read_text("utf-8").splitlines()
    indexed = map(json.loads, lines)
    held_out = {row["id"] for row in indexed if row["split"] != "train"}
    planted = flipped & held_out
    assert suspects <= held_out
    assert len(planted) >= 3
    # The colour, and the words of the title, say the class.
    assert len(suspects & planted) / len(planted) > 0.7
    assert len(suspects & planted) / len(suspects) > 0.5
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["suspects"] == len(suspects)
    assert metrics["flipped"]["recall"] > 0.7
    report = (out / "report.md").read_text("utf-8")
    for figure in out.glob("*.png"):
        assert f"]({figure.name})" in report
    assert (out / "title_similarity.png").is_file()
    with (out / "title_similarity.csv").open(encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header[1:] == [line[0] for line in lines]
    cosines = np.array([line[1:] for line in lines], float)
    np.testing.assert_allclose(np.diag(cosines), 1, atol=1e-5)
    np.testing.assert_array_equal(cosines, cosines.T)
