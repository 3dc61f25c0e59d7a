"""A finished run is looked at before it is reused."""

import json
import shutil

import pytest

from tests.support.damages import DAMAGES, damage
from trainers.config import TrainConfig
from trainers.runs import audit
from trainers.training import train


def _config(records, **settings):
    return TrainConfig(
        backbone="vgg16",
        weights="random",
        batch_size=8,
        upsample=1,
        image_records=str(records),
        **{"epochs": 1, **settings},
    )


def _files(workdir):
    return {
        path.relative_to(workdir).as_posix(): path.read_bytes()
        for path in workdir.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts
    }


def _restore(workdir, contents):
    for name, content in contents.items():
        (workdir / name).write_bytes(content)


# What is made again; all else is named.
REMADE = (
    *("history.csv", "predictions.csv", "train_images.npz"),
    *("records.json", "files.json"),
)
NAMED = ("model.safetensors", "metrics.json", "config.json")
FEW = (
    ("history.csv", "deleted"),
    ("predictions.csv", "flipped"),
    ("train_images.npz", "deleted"),
    ("records.json", "cut"),
    ("files.json", "emptied"),
    ("model.safetensors", "flipped"),
    ("metrics.json", "flipped"),
    ("config.json", "doubled"),
)
ALL = tuple(
    (name, kind)
    for name in REMADE + NAMED
    for kind in DAMAGES
    # Without the first, a run is not finished; without the second, not claimed.
    if (name, kind)
    not in (("metrics.json", "deleted"), ("config.json", "deleted"))
)


@pytest.mark.parametrize(
    "damages", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=len
)
def test_what_can_be_made_again_is_and_the_rest_is_named(
    make_image_records, tmp_path, caplog, damages
):
    config = _config(make_image_records(num_train=16))
    workdir = tmp_path / "run"
    metrics = train.train_and_evaluate(config, workdir)
    whole = _files(workdir)
    assert {*REMADE, *NAMED} < set(whole)
    for name, kind in damages:
        caplog.clear()
        damage(workdir / name, kind)
        faults = audit.find_faults(workdir)
        if (name, kind) != ("files.json", "deleted"):
            assert any(name in fault for fault in faults), (name, kind)
        if name in REMADE:
            assert train.train_and_evaluate(config, workdir) == metrics
            assert _files(workdir) == whole, (name, kind)
            if name.endswith((".csv", ".npz")):
                assert f"{workdir / name}: " in caplog.text
                assert "It is made again." in caplog.text
            continue
        before = _files(workdir)
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            train.train_and_evaluate(config, workdir)
        assert str(workdir / name) in str(caught.value)
        assert "Restore it, or " in str(caught.value)
        assert _files(workdir) == before
        _restore(workdir, whole)
    assert audit.find_faults(workdir) == []


@pytest.mark.slow
def test_the_cure_for_a_lost_model_works(make_image_records, tmp_path):
    config = _config(make_image_records(num_train=16))
    workdir = tmp_path / "run"
    train.train_and_evaluate(config, workdir)
    whole = _files(workdir)
    (workdir / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"delete metrics\.json and"):
        train.train_and_evaluate(config, workdir)
    (workdir / "metrics.json").unlink()
    train.train_and_evaluate(config, workdir)
    assert _files(workdir) == whole


@pytest.mark.slow
def test_files_of_another_run_are_refused_before_anything_is_written(
    make_image_records, tmp_path
):
    records = make_image_records(num_train=16)
    config, other = _config(records), _config(records, seed=1)
    train.train_and_evaluate(config, tmp_path / "one")
    train.train_and_evaluate(other, tmp_path / "two")
    whole = _files(tmp_path / "one")
    for is_listed in True, False:
        if not is_listed:  # as in runs of earlier versions
            del whole["files.json"]
        for name in ("metrics.json", "model.safetensors"):
            workdir = shutil.copytree(tmp_path / "one", tmp_path / "copy")
            if not is_listed:
                (workdir / "files.json").unlink()
            content = (tmp_path / "two" / name).read_bytes()
            (workdir / name).write_bytes(content)
            with pytest.raises(ValueError, match="another run"):
                train.train_and_evaluate(config, workdir)
            received = _files(workdir)
            if not is_listed:
                del received["files.json"]
            assert received == {**whole, name: content}
            shutil.rmtree(workdir)


@pytest.mark.slow
def test_the_checkpoint_of_another_seed_is_not_resumed(
    make_image_records, tmp_path
):
    records = make_image_records(num_train=16)
    workdir = tmp_path / "one"
    config = _config(records)
    train.train_and_evaluate(config, workdir)
    whole = _files(workdir)
    train.train_and_evaluate(_config(records, seed=1), tmp_path / "two")
    name = "checkpoint.safetensors"
    shutil.copyfile(tmp_path / "two" / name, workdir / name)
    (workdir / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"must be of this run.*Delete it"):
        train.train_and_evaluate(config, workdir)
    (workdir / name).unlink()
    train.train_and_evaluate(config, workdir)
    assert _files(workdir) == whole


@pytest.mark.slow
def test_a_fault_in_the_manifest_leaves_the_runs_records_alone(
    make_image_records, tmp_path
):
    records = make_image_records(num_train=16)
    config = _config(records)
    workdir = tmp_path / "run"
    train.train_and_evaluate(config, workdir)
    before = (workdir / "records.json").read_bytes()
    path = records / "manifest.json"
    value = json.loads(path.read_text())
    value["details"]["stacks"] = {"edited": True}
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=r"manifest\.json"):
        train.train_and_evaluate(config, workdir)
    assert (workdir / "records.json").read_bytes() == before


@pytest.mark.slow
def test_a_run_of_an_earlier_version_is_reused_and_listed(
    make_image_records, tmp_path
):
    config = _config(make_image_records(num_train=16))
    workdir = tmp_path / "run"
    metrics = train.train_and_evaluate(config, workdir)
    whole = _files(workdir)
    (workdir / "files.json").unlink()
    (workdir / "predictions.csv").write_bytes(b"")
    assert train.train_and_evaluate(config, workdir) == metrics
    assert _files(workdir) == whole
