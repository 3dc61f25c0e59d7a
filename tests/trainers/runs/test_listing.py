"""Runs of every kind and state are listed, and told apart."""

import json
import shutil

import pytest

from tests.golden import finished_job
from tests.support.damages import damage
from trainers.runs import listing


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Runs of an earlier version: all kinds, and one that was killed."""
    return finished_job.unpack(tmp_path_factory.mktemp("job"))


def runs_of(folder):
    return {run.name: run for run in listing.find_runs(folder)}


def test_runs_of_every_kind_are_listed_with_what_they_reached(job):
    finished = [
        run for run in runs_of(job).values() if run.state == listing.FINISHED
    ]
    assert {run.kind for run in finished} == {"text", "multimodal", "im2vec"}
    for run in finished:
        metrics = json.loads((job / run.name / "metrics.json").read_text())
        expected = metrics.get("networks", [metrics])[0]["accuracy"]
        assert run.accuracy == expected
        assert run.dataset
        assert run.texts
        assert (run.kind == "im2vec") == (run.macro_f1 is None)
    states = [run.state for run in runs_of(job).values()]
    assert "unfinished at epoch 1" in states


def test_other_directories_with_a_config_are_no_runs(tmp_path, tiny_bert):
    shutil.copytree(tiny_bert, tmp_path / "encoder")
    assert runs_of(tmp_path) == {}
    for content in ("{", '{"config": 1}'):
        (tmp_path / "encoder/config.json").write_text(content)
        assert runs_of(tmp_path) == {}


@pytest.mark.parametrize(
    "name", ["metrics.json", "config.json", "model.safetensors"]
)
def test_a_damaged_run_is_named_as_one(run_copy, name):
    damage(run_copy / name, "cut")
    (run,) = listing.find_runs(run_copy.parent)
    assert run.state.startswith("damaged: ")
    assert name in run.state


def test_settings_that_differ_are_those_of_runs_and_records(run_copy, tmp_path):
    other = shutil.copytree(run_copy, tmp_path / "other")
    for name, change in (
        ("config.json", lambda value: value["config"].update(epochs=7)),
        ("records.json", lambda value: value["provenance"].update(scaler="x")),
    ):
        value = json.loads((other / name).read_text())
        change(value)
        (other / name).write_text(json.dumps(value))
    # As in runs of earlier versions.
    claim = json.loads((run_copy / "config.json").read_text())
    del claim["config"]["class_weight"]
    (run_copy / "config.json").write_text(json.dumps(claim))
    runs = sorted(listing.find_runs(tmp_path), key=lambda run: run.name)
    assert [run.name for run in runs] == ["other", "run"]
    assert listing.different_settings(runs) == {
        "epochs": [7, 2],
        "scaler": ["x", "standard"],
    }
