"""Exporting a run: what the directory says, and what is refused."""

import json
import shutil

import pytest
import tensorflow as tf

from trainers import export
from trainers.runs import loading
from trainers.serving import saved_model, text_classifier, versions


def test_extra_assets_say_what_it_is(trained):
    run = trained[3]
    extra = run.export / "assets.extra"
    versions = json.loads((extra / "versions.json").read_text())
    assert versions["tensorflow"] == tf.__version__
    assert "tensorflow-text" in versions
    provenance = json.loads((extra / "provenance.json").read_text())
    metrics = json.loads((run.workdir / "metrics.json").read_text())
    assert provenance["label_names"] == ["clåss 0", "clåss 1", "clåss 2"]
    assert provenance["model_sha256"] == metrics["model_sha256"]
    assert provenance["image_fingerprint"] == metrics["image_fingerprint"]
    assert provenance["encoder"]["name"] == "tiny_bert"
    # No path of the machine that wrote it.
    for path in extra.iterdir():
        assert str(run.workdir.parent).encode() not in path.read_bytes()


def test_a_model_is_exported_once(trained, tmp_path):
    directory = shutil.copytree(trained[3].directory, tmp_path / "copy")
    out = shutil.copytree(directory / "models", directory / "run/export")
    assert export.export_finished(directory / "run") == out / "1"
    assert versions.numbers(out) == versions.numbers(out / "core") == [1]


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{}", b'{"model_sha256": "0"}']
)
def test_an_export_of_another_model_is_not_reused(trained, tmp_path, content):
    shutil.copytree(trained[3].export, tmp_path / "3")
    extra = tmp_path / "3" / saved_model.EXTRA
    path = extra / saved_model.PROVENANCE_FILE
    sha256 = json.loads(path.read_text())["model_sha256"]
    assert saved_model.latest(tmp_path, sha256) == tmp_path / "3"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert saved_model.latest(tmp_path, sha256) is None


def test_per_batch_normalisation_is_refused_with_the_reason(run_copy, caplog):
    path = run_copy / "config.json"
    claim = json.loads(path.read_text())
    claim["config"]["normalization"] = "batch"
    path.write_text(json.dumps(claim))
    (run_copy / "files.json").unlink()
    with pytest.raises(ValueError, match=r"cannot be served.*texts beside it"):
        export.export_run(run_copy)
    assert export.export_finished(run_copy) is None
    assert "export: skipped. --normalization=batch cannot" in caplog.text


def test_an_encoder_that_moved_is_found_by_flag_or_asked_for(
    run_copy, tmp_path, tiny_bert
):
    path = run_copy / "records.json"
    value = json.loads(path.read_text())
    value["encoder"]["source"] = str(tmp_path / "gone")
    path.write_text(json.dumps(value))
    (run_copy / "files.json").unlink()
    run = loading.load_run(run_copy)
    with pytest.raises(FileNotFoundError, match=r"--encoder=PATH"):
        text_classifier.load_classifier(run)
    moved = shutil.copytree(tiny_bert, tmp_path / "moved")
    assert text_classifier.load_classifier(run, str(moved))
    vocabulary = moved / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text().replace("good", "goof"))
    with pytest.raises(ValueError, match=r"must have the sha256.*Received"):
        text_classifier.load_classifier(run, str(moved))
