"""Paired tests, baselines, the table's plan and its report."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.stats

from tests.support import multimodal_corpora
from tfrecords.stages import multimodal
from trainers.multimodal import (
    baselines,
    comparisons,
    config,
    figures,
    plan,
    report,
    table,
)
from trainers.training import metrics as evaluate


def answers(bits):
    return {str(i): bool(bit) for i, bit in enumerate(bits)}


def test_mcnemar_is_the_binomial_of_the_samples_that_differ():
    one = answers([1] * 50 + [1] * 9 + [0] * 2 + [0] * 5)
    other = answers([1] * 50 + [0] * 9 + [1] * 2 + [0] * 5)
    # Twice the tail of eleven fair coins.
    tail = sum(scipy.stats.binom.pmf(k, 11, 0.5) for k in (0, 1, 2))
    assert baselines.mcnemar(one, other) == pytest.approx(2 * tail)
    assert baselines.mcnemar(one, other) == baselines.mcnemar(other, one)
    assert baselines.mcnemar(one, one) == 1.0
    with pytest.raises(ValueError, match="same samples"):
        baselines.mcnemar(one, answers([1]))


def test_top_k_counts_the_k_likeliest(rng):
    logits = rng.normal(size=(40, 9))
    labels = rng.integers(0, 9, 40)
    for k in (1, 5, 9, 20):
        expected = np.mean(
            [
                label in np.argsort(-row)[:k]
                for row, label in zip(logits, labels, strict=True)
            ]
        )
        assert evaluate.top_k_accuracy(logits, labels, k) == expected
    assert evaluate.top_k_accuracy(logits, labels, 1) == pytest.approx(
        evaluate.evaluate(logits, labels)["accuracy"]
    )


def test_pictures_without_any_text_have_a_baseline(tmp_path):
    path = multimodal_corpora.write_jsonl(tmp_path)
    kept = [
        {name: row[name] for name in ("image", "label")}
        for row in map(json.loads, path.read_text("utf-8").splitlines())
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
    records = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(path, tmp_path / "records")
    )
    assert set(baselines.baselines(records)) == {"small pictures"}


@pytest.mark.parametrize("classes", [[0, 1], [0, 2, 3]])
def test_a_baseline_answers_two_classes_and_some_of_many(rng, classes):
    labels = np.repeat(classes, 20)
    rows = np.eye(4)[labels] + 0.1 * rng.normal(size=(len(labels), 4))
    logits = baselines.fit_logits(
        rows, labels, rows, inverse_penalty=10.0, num_classes=4
    )
    assert logits.shape == (len(labels), 4)
    np.testing.assert_array_equal(logits.argmax(axis=1), labels)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("present", "count"),
    [
        # 1 image, 2 texts, 1 pair of texts; pairs and all with an image; all
        # once more with modality dropout: two towers each.
        ({"image", "title", "description"}, 2 + 2 + 1 + 4 + 2 + 2),
        ({"image", "title"}, 2 + 1 + 2 + 2),
        ({"title"}, 1),
    ],
)
def test_the_plan_has_every_choice_on_every_tower_once(present, count):
    settings = config.MultimodalTrainConfig(seed=5)
    found = plan.plan(settings, ["resnet50v2", "mobilenetv2"], 3, present)
    assert len({cell.name for cell in found}) == len(found) == count
    for cell in found:
        assert [run.seed for run in cell.runs] == [5, 6, 7]
        assert set(cell.modalities.split(",")) <= present


def _finished(workdir, settings, right):
    """The table's cells, with answers instead of runs: name to right ones."""
    found = plan.plan(settings, ["mobilenetv2"], 1, {"image", "title"})
    plain = [cell for cell in found if not cell.modality_dropout]
    metrics = {}
    for cell in plain:
        bits = right[cell.modalities]
        place = comparisons.directory(workdir, cell, settings.seed)
        place.mkdir(parents=True)
        rows = [f"{i},a,{'ab'[not bit]}" for i, bit in enumerate(bits)]
        (place / "predictions.csv").write_text(
            "\n".join(["id,label,prediction", *rows])
        )
        metrics[cell.name] = [
            {
                "accuracy": np.mean(bits),
                "epochs": [{"train_accuracy": 0.99}],
            }
        ]
    return plain, metrics


@pytest.mark.parametrize(("fused", "wins"), [(40, True), (22, False)])
def test_a_fusion_wins_beyond_chance_or_is_explained(tmp_path, fused, wins):
    first, other, both = (np.arange(50) < n for n in (20, 10, fused))
    plain, metrics = _finished(
        tmp_path,
        config.MultimodalTrainConfig(),
        {"image": first, "title": other[::-1], "image,title": both},
    )
    assert comparisons.compare(tmp_path, plain[0], plain, metrics) is None
    found = comparisons.compare(tmp_path, plain[-1], plain, metrics)
    assert found.best.modalities == "image"
    assert found.wins == wins
    assert found.gain == pytest.approx(2 * (fused - 20))
    assert found.any_right == pytest.approx(60)  # 20 and 10 of 50, apart
    # All differing samples go one way: twice the tail of as many coins.
    assert found.p_values == [pytest.approx(min(1, 2 * 0.5 ** (fused - 20)))]
    said = comparisons.explain(plain[-1], found, metrics)
    assert f"does not beat image: {2 * (fused - 20):+.2f}" in said
    assert "title 20.00" in said
    assert "99.00 of the train split" in said


@pytest.mark.parametrize("text", ["vgg16", "", "resnet50v2,resnet50v2"])
def test_unknown_backbones_are_refused(text):
    with pytest.raises(ValueError, match="--backbones"):
        table.parse_backbones(text)


def test_separate_classes_have_a_silhouette_near_one(rng):
    labels = np.repeat(np.arange(3), 20)
    near = np.eye(3)[labels] * 100 + rng.normal(size=(60, 3))
    mixed = rng.normal(size=(60, 3))
    figure, scores = figures.draw_vectors(
        {"near": near, "mixed": mixed}, labels, ["a", "b", "c"]
    )
    assert scores["near"] > 0.9
    assert abs(scores["mixed"]) < 0.15
    assert len(figure.axes) == 2


@pytest.mark.slow
def test_a_table_trains_its_cells_and_reports(make_config, tmp_path, caplog):
    settings = dataclasses.replace(make_config(), epochs=1)
    table._make(settings, ["mobilenetv2"], 1, tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert text.count("| mobilenetv2 |") == 4 + 2
    assert "MobileNetV2-USE: 50.64 / 70.17" in text
    assert "DNN-USE: 50.30 / 66.21" in text
    assert "| TF-IDF |" in text
    for name in ("vectors.png", "examples.png"):
        assert (tmp_path / name).stat().st_size > 1000
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("metrics.json")}
    table._make(settings, ["mobilenetv2"], 1, tmp_path)
    assert before == {
        p: p.stat().st_mtime_ns for p in tmp_path.rglob("metrics.json")
    }
    assert report.PUBLISHED[("", "title,description")][1] == 50.30
