"""A run whose records lie in a store is the run whose records lie on a disk."""

import uuid

import pytest

from tests.support import record_sets
from tfrecords import build, faults, paths
from trainers import config
from trainers.experiments import baselines
from trainers.reports import run_report
from trainers.training import train


def put(directory, store):
    """Copies all files below a directory into a store."""
    for path in directory.rglob("*"):
        if path.is_file():
            target = store / path.relative_to(directory).as_posix()
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())


def run(workdir, image_dir):
    settings = config.TrainConfig(
        image_records=str(image_dir), epochs=2, weights="random"
    )
    metrics = train.train_and_evaluate(settings, workdir)
    images = baselines.logistic_regression(image_dir, "image")
    run_report.write_report(workdir, settings, metrics, {"images": images})
    report = (workdir / "report.md").read_text("utf-8")
    return {
        "report": report.replace(str(image_dir), "IMAGES"),
        **{
            name: (workdir / name).read_bytes()
            for name in ("predictions.csv", "model.safetensors", "records.json")
        },
    }


@pytest.mark.slow
def test_a_run_on_records_in_a_store_is_the_same_run(tmp_path):
    corpus = record_sets.write_csv(tmp_path / "corpus.csv", count=60)
    _, local = build.prepare_records(
        record_sets.settings(corpus, tmp_path / "records")
    )
    store = paths.open_path(f"ram://{uuid.uuid4().hex}/records")
    put(tmp_path / "records", store)
    remote = store / local.relative_to(tmp_path / "records").as_posix()
    assert faults.find_faults(remote) == []
    assert run(tmp_path / "a", local) == run(tmp_path / "b", remote)
