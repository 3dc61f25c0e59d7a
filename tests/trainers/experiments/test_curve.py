"""The results of a learning curve: resumed, and blind to validation texts."""

import dataclasses

import numpy as np
import pytest

from tfrecords import schema, writer
from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.experiments import curve, curve_methods, drawn_texts
from trainers.learning_curve import NETWORKS
from trainers.reports import curve_report
from trainers.runs import json_files

WORDS = ("bad dull", "good great")
RECORDS = RecordsConfig(
    projection="pca", channels="grey", image_height=16, image_width=16
)
CONFIG = TrainConfig(weights="random", epochs=2)
PLAN = curve.Plan(
    sizes=(4, 12, 0, 1000),
    draws=2,
    per_class=False,
    methods=("lr_stacks", "tfidf"),
    min_steps=2,
    draw_seed=0,
)


@pytest.fixture
def cls_dir(tmp_path, rng):
    """Stacks and texts of two classes, 32 for training and 10 others."""
    directory = tmp_path / "cls" / "made" / "1.0.0"
    record_schema = schema.cls_schema((3, 8), ("neg", "pos"))
    counts = {"train": 32, "validation": 10}
    with writer.RecordWriter(
        directory, record_schema, {"name": "made"}, dict.fromkeys(counts, 1)
    ) as records:
        for split, count in counts.items():
            serialized = []
            for index in range(count):
                label = index % 2
                stack = rng.standard_normal((3, 8), np.float32) + label
                serialized.append(
                    record_schema.serialize(
                        f"{split}-{index}",
                        label,
                        stack,
                        text=f"{WORDS[label]} film {index}",
                    )
                )
            records.write_shard(split, 0, serialized)
        records.finish("Made by a test.", {})
    return directory


def _bytes(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.slow
def test_a_curve_resumes_with_the_same_bytes_and_is_reported(cls_dir, tmp_path):
    workdir = tmp_path / "curve"
    directory = curve.results_directory(workdir, PLAN, RECORDS, CONFIG, "made")
    curve.compute(directory, PLAN, RECORDS, CONFIG, cls_dir)
    first = _bytes(directory)
    # Two draws of 4 and of 12 of 32 texts, one of all, none of 1,000.
    assert len(first) == 5 * len(PLAN.methods)
    (directory / "tfidf-000012-draw1.json").unlink()
    damaged = directory / "lr_stacks-all-draw0.json"
    damaged.write_bytes(damaged.read_bytes()[:50])
    kept = directory / "lr_stacks-000004-draw0.json"
    modified = kept.stat().st_mtime_ns
    curve.compute(directory, PLAN, RECORDS, CONFIG, cls_dir)
    assert _bytes(directory) == first
    assert kept.stat().st_mtime_ns == modified

    results = curve.read_results(directory)
    assert list(results) == [4, 12, 32]
    report = curve_report.write(workdir, results, "results").read_text("utf-8")
    assert "| 12 | 2 | " in report
    assert "| 32 | 1 | " in report
    table = (workdir / "curve.csv").read_text("utf-8").splitlines()
    assert len(table) == 1 + 3 * len(PLAN.methods)
    assert (workdir / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_other_settings_have_results_of_their_own(tmp_path):
    def name(**changes):
        arguments = {
            "plan": PLAN,
            "records": RECORDS,
            "config": CONFIG,
            "corpus": "made",
            **changes,
        }
        return curve.results_directory(tmp_path, **arguments)

    same = curve.Plan((4,), 5, False, ("tfidf",), 2, 0)
    assert name(plan=same) == name()  # more of the same curve
    others = {
        name(),
        name(corpus="other"),
        name(records=RecordsConfig(projection="tsne")),
        name(config=TrainConfig(weights="random", epochs=3)),
        name(plan=curve.Plan((4,), 2, True, ("tfidf",), 2, 0)),
        name(plan=curve.Plan((4,), 2, False, ("tfidf",), 9, 0)),
    }
    assert len(others) == 6


def test_a_size_that_is_named_twice_is_drawn_once():
    labels = np.arange(32) % 2
    plan = dataclasses.replace(
        PLAN, sizes=(32, 4, 0, 4), draws=1, methods=("tfidf", "tfidf")
    )
    assert [
        [(unit.method, unit.size) for unit in of_draw]
        for of_draw in curve.units(plan, labels)
    ] == [[("tfidf", 4)], [("tfidf", 0)]]


def test_two_files_of_one_draw_are_one_result(tmp_path):
    for size, name in ((0, "all"), (32, "000032")):
        result = {
            **{"method": "tfidf", "size": size, "draw": 0, "num_train": 32},
            **{"accuracy": 0.5, "right": "01"},
        }
        path = tmp_path / f"tfidf-{name}-draw0.json"
        json_files.write_checked(path, result)
    (of_size,) = curve.read_results(tmp_path).values()
    assert len(of_size["tfidf"]) == 1


def test_sizes_beyond_the_train_split_are_refused(cls_dir, tmp_path):
    plan = dataclasses.replace(PLAN, sizes=(1000, 3000))
    with pytest.raises(ValueError, match="Received: 1000 or more, of 32 texts"):
        curve.compute(tmp_path / "curve", plan, RECORDS, CONFIG, cls_dir)


@pytest.mark.parametrize(
    "method",
    [
        *(name for name in curve_methods.METHODS if name not in NETWORKS),
        *(pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS),
    ],
)
def test_validation_texts_change_nothing_that_is_fitted(cls_dir, method):
    train, validation = (
        drawn_texts.Texts.read(cls_dir, split)
        for split in ("train", "validation")
    )
    answers = []
    for count in (len(validation.labels), 3):
        drawn = drawn_texts.DrawnTexts(
            train.take(np.arange(12)),
            validation.take(np.arange(count)),
            2,
            RECORDS,
            CONFIG,
        )
        answers.append(curve_methods.METHODS[method](drawn, 2))
    (probabilities, penalty), (of_three, same_penalty) = answers
    assert penalty == same_penalty
    # A batch of another size changes the last bits.
    np.testing.assert_allclose(of_three, probabilities[:3], atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
