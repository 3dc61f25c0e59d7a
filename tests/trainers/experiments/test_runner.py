"""What a table says of its plan, and what it does after a failure."""

import os

import pytest

from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.experiments import plan, runner


@pytest.fixture
def rows():
    return plan.plan(
        RecordsConfig(dataset="no.csv"),
        TrainConfig(weights="random"),
        backbones=("vgg16", "resnet"),
        seeds=1,
        ablated="resnet",
        ablations=("contrast",),
        ablation_seeds=1,
        weights={},
        layers=(),
    )


def test_a_plan_says_what_is_finished_and_how_long_it_took(rows, tmp_path):
    directory = rows[0].trainings[0].path(tmp_path)
    directory.mkdir(parents=True)
    for name, seconds in (("config.json", 1000), ("metrics.json", 1090)):
        (directory / name).touch()
        os.utime(directory / name, (seconds, seconds))
    assert list(runner.describe(rows, tmp_path)) == [
        "backbones: vgg16, seed 0: finished in 90 s",
        "backbones: resnet, seed 0: to do",
        "contrast: 0.1, seed 0: same as above",
        "contrast: 1, seed 0: to do",
        "2 of 3 trainings to do",
    ]


def test_a_training_that_fails_does_not_stop_the_others(rows, tmp_path):
    base = runner.Base(RecordsConfig(), tmp_path, tmp_path)
    failures = runner.train_all(rows, base, tmp_path)
    assert set(failures) == set(plan.unique_trainings(rows))
    assert all("no.csv" in message for message in failures.values())


def test_maps_of_failed_or_batch_dependent_slices_are_left_out(rows, tmp_path):
    first = rows[0].trainings[0].name
    by_batch = plan.plan(
        RecordsConfig(),
        TrainConfig(weights="random", normalization="batch"),
        backbones=("resnet",),
        seeds=1,
        ablated="",
        ablation_seeds=1,
        weights={},
        layers=(),
    )
    results, failures = runner.regressions_on_maps(
        [rows[0], *by_batch], {first: "failed"}, tmp_path / "none", tmp_path
    )
    assert results == failures == {}
    results, failures = runner.regressions_on_maps(
        rows[:1], {}, tmp_path / "none", tmp_path
    )
    assert results == {}
    assert "manifest.json" in failures["maps of vgg16"]
