"""Exporting a run: what the directory says, and what is refused."""

import json
import re
import resource
import shutil

import pytest
import tensorflow as tf

from tests.support.damages import damage
from trainers import export
from trainers.runs import loading
from trainers.serving import (
    export_audit,
    saved_model,
    text_classifier,
    versions,
)

pytestmark = pytest.mark.slow


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


@pytest.fixture
def export_copy(trained, tmp_path):
    """A run's export, its version 1 and the core of it, to be damaged."""
    return shutil.copytree(trained[3].export.parent, tmp_path / "models")


FILES = (
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    "assets.extra/provenance.json",
    "assets.extra/versions.json",
    "assets.extra/tf_serving_warmup_requests",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["flipped", "cut", "emptied", "deleted"])
def test_a_damaged_export_is_named_and_not_reused(
    trained, export_copy, name, kind, caplog
):
    metrics = json.loads((trained[3].workdir / "metrics.json").read_text())
    sha256 = metrics["model_sha256"]
    assert saved_model.latest(export_copy, sha256) == export_copy / "1"
    damage(export_copy / "1" / name, kind)
    assert saved_model.latest(export_copy, sha256) is None
    assert f"{export_copy / '1'} is not whole ({name}: " in caplog.text or (
        f"{export_copy / '1' / name} is" in caplog.text
    )
    with pytest.raises(
        (ValueError, FileNotFoundError), match=name.split("/")[-1]
    ):
        saved_model.load(export_copy)
    faults = export_audit.find_faults(export_copy)
    assert len(faults) == 1
    assert faults[0].startswith(f"models/1/{name}: ")


@pytest.mark.parametrize("name", FILES[:5])
@pytest.mark.parametrize(
    "kind", ["cut", pytest.param("emptied", marks=pytest.mark.slow)]
)
def test_a_damaged_export_of_an_earlier_version_is_refused(
    export_copy, name, kind, capfd
):
    """It has no list of its files."""
    (export_copy / "1/assets.extra/files.json").unlink()
    damage(export_copy / "1" / name, kind)
    if (name, kind) == ("fingerprint.pb", "emptied"):
        saved_model.load(export_copy)  # a message without hashes
    else:
        with pytest.raises(ValueError, match=re.escape(str(export_copy))):
            saved_model.load(export_copy)
    assert "Traceback" not in capfd.readouterr().err


def test_a_core_is_looked_at_too(trained, export_copy, caplog):
    damage(export_copy / "core/1/saved_model.pb", "cut")
    metrics = json.loads((trained[3].workdir / "metrics.json").read_text())
    assert saved_model.latest(export_copy, metrics["model_sha256"]) is None
    assert "core: saved_model.pb: " in caplog.text
    assert len(export_audit.find_faults(export_copy)) == 1


@pytest.mark.parametrize(
    "limit",
    [
        30_000,
        pytest.param(300, marks=pytest.mark.slow),
        pytest.param(300_000, marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_takes_no_more_ends_an_export_in_a_sentence(
    trained, tmp_path, tiny_bert, limit, capsys
):
    """All that TensorFlow writes itself: graph, variables, requests."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        code = export.main(
            [
                f"--workdir={trained[3].workdir}",
                f"--out={tmp_path / 'out'}",
                f"--encoder={tiny_bert}",
            ]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith(f"error: {tmp_path / 'out'}")
    assert "is larger than a file may be here" in message
    assert not list((tmp_path / "out").iterdir())
