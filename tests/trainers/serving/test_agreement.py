"""Exports answer as runs whose records another engine made, or say so."""

import csv
import json
import shutil

import numpy as np
import pytest

from text2image.bert import checkpoint
from tfrecords import schema, writer
from trainers import export
from trainers.runs import loading
from trainers.serving import agreement, functions, text_classifier

OPENVINO = {"engine": "openvino", "dtype": "bfloat16"}
TOLERANCE = 1e-3  # as between records and export: test_text_classifier.py


@pytest.fixture
def run(trained, tmp_path):
    """A run whose records claim OpenVINO, and what it is read from."""
    small = trained[2]
    workdir = shutil.copytree(small.workdir, tmp_path / "run")
    value = json.loads((workdir / "records.json").read_text())
    value["encoder"] |= OPENVINO
    (workdir / "records.json").write_text(json.dumps(value))
    claim = json.loads((workdir / "config.json").read_text())
    images = tmp_path / "records/image/corpus-0/1.0.0"
    claim["config"]["image_records"] = str(images)
    (workdir / "config.json").write_text(json.dumps(claim))
    (workdir / "files.json").unlink()
    return loading.load_run(workdir)


@pytest.fixture
def texts(run, trained, tmp_path):
    """The run's `cls` records, with the texts but no stacks."""
    stacks = run.origin.stacks
    directory = (
        tmp_path / f"records/cls/corpus-{run.origin.provenance['cls']}/1.0.0"
    )
    record_schema = schema.cls_schema((1, 1), run.origin.label_names)
    with writer.RecordWriter(
        directory, record_schema, stacks, {"validation": 1}
    ) as records:
        records.write_shard(
            "validation",
            0,
            [
                record_schema.serialize(
                    key, 0, np.zeros((1, 1), np.float32), text=text
                )
                for key, text in trained[2].texts.items()
            ],
        )
        records.finish("Made by a test.", {"audit": {}})
    return directory


def check(run, reloaded, **changes):
    arguments = {
        "encoder": run.origin.encoder,
        "records": agreement.text_records(
            run.workdir.parent / "records/image/corpus-0/1.0.0",
            run.origin.provenance["cls"],
        ),
        "split": "validation",
        "function": reloaded[2].serving_default,
    }
    return agreement.check(run.workdir, **{**arguments, **changes})


@pytest.mark.slow
def test_all_predictions_are_compared(run, texts, reloaded, caplog):
    caplog.set_level("INFO", logger="absl")
    result = check(run, reloaded)["engine_agreement"]
    count = run.metrics["num_validation"]
    assert result["compared"] == result["predicted"] == count
    assert result["same_label"] == count
    assert 0 < result["mean_difference"] <= result["largest_difference"]
    assert result["largest_difference"] < TOLERANCE
    assert "records by openvino in bfloat16" in caplog.text
    assert f"{count} labels agree" in caplog.text
    # TensorFlow warns of its own functions.
    assert not [
        record
        for record in caplog.records
        if (record.levelname, record.name) == ("WARNING", "absl")
    ]


@pytest.mark.slow
def test_of_many_predictions_some_are_compared(run, texts, reloaded, caplog):
    caplog.set_level("INFO", logger="absl")
    result = check(run, reloaded, most=3)["engine_agreement"]
    count = run.metrics["num_validation"]
    assert (result["compared"], result["predicted"]) == (3, count)
    assert f"3 of the run's {count} predictions at even" in caplog.text


def test_labels_that_differ_are_a_warning_with_a_cure(
    run, texts, reloaded, caplog
):
    path = run.workdir / "predictions.csv"
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    for row in rows:
        row[3:] = row[:2:-1]  # the probabilities of two classes, swapped
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    assert check(run, reloaded)["engine_agreement"]["same_label"] == 0
    assert "WARNING" in caplog.text
    assert "0 labels agree" in caplog.text
    assert "--encoder_engine=tensorflow" in caplog.text


def test_without_the_texts_it_is_said_that_nothing_was_checked(
    run, reloaded, caplog
):
    assert check(run, reloaded) == {}
    assert "are gone: not checked" in caplog.text


def test_tensorflows_own_records_need_no_check(run, texts, reloaded, caplog):
    caplog.set_level("INFO", logger="absl")
    for encoder in ({"dtype": "bfloat16"}, {"engine": "tensorflow"}):
        assert check(run, reloaded, encoder=encoder) == {}
    assert caplog.text == ""


@pytest.mark.slow
def test_an_export_keeps_the_comparison(run, texts):
    version = export.export_run(run.workdir)
    path = version / "assets.extra" / "provenance.json"
    provenance = json.loads(path.read_text())
    assert provenance["encoder"]["engine"] == "openvino"
    kept = provenance["engine_agreement"]
    assert kept["same_label"] == run.metrics["num_validation"]


@pytest.mark.slow
def test_openvinos_bfloat16_is_served_in_float32(run, tiny_bert):
    encoder = run.origin.encoder
    assert (
        functions.load_encoder(encoder, tiny_bert).computing.dtype == "float32"
    )
    own = {**encoder, "engine": "tensorflow"}
    assert functions.load_encoder(own, tiny_bert).computing.dtype == "bfloat16"
    assert encoder["sha256"] == checkpoint.identify(tiny_bert)
    assert (
        text_classifier.load_classifier(run).encoder.computing.dtype
        == "float32"
    )
