"""A trained model from its directory, whole or refused."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import trainers
from trainers import export
from trainers.config import TrainConfig
from trainers.runs import loading
from trainers.serving import keras_model
from trainers.training import train

ROOT = pathlib.Path(__file__).parents[3]


def test_the_package_loads_a_model_and_stays_light():
    code = (
        "import sys, trainers\n"
        "assert 'keras' not in sys.modules\n"
        "assert 'load' in trainers.__all__\n"
        "assert not hasattr(trainers, 'lode')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_function_is_no_module():
    assert trainers.load is keras_model.load


@pytest.mark.parametrize(
    "num_classes", [2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_loaded_model_computes_what_the_trained_one_did(trained, num_classes):
    in_memory = trained[num_classes].in_memory
    loaded = trainers.load(trained[num_classes].workdir)
    assert loaded.output_shape == (None, num_classes)
    np.testing.assert_array_equal(
        loaded.predict_on_batch(in_memory["images"]), in_memory["logits"]
    )


def test_published_weights_are_not_asked_for(run_copy, monkeypatch):
    def refuse(*_):
        raise AssertionError("weights were asked for")

    monkeypatch.setattr("trainers.weights.cache.published_arrays", refuse)
    path = run_copy / "config.json"
    claim = json.loads(path.read_text())
    claim["config"]["weights"] = "imagenet"
    path.write_text(json.dumps(claim))
    (run_copy / "files.json").unlink()
    trainers.load(run_copy)


def test_images_of_another_program_cannot_take_texts(run_copy):
    config, _, origin = loading.read_run(run_copy)
    assert loading.obstacle(config, origin) is None
    for change in ({"encoder": None}, {"files": {}}):
        other = dataclasses.replace(origin, **change)
        reason = loading.obstacle(config, other)
        assert "do not say which encoder" in reason


@pytest.mark.slow
def test_images_of_another_program_load_but_cannot_take_texts(
    make_image_records, tmp_path
):
    records = make_image_records(num_train=8, shape=(12, 12, 3))
    config = TrainConfig(
        backbone="vgg16",
        weights="random",
        epochs=1,
        bottleneck=2,
        image_records=str(records),
    )
    train.train_and_evaluate(config, tmp_path / "run")
    shutil.rmtree(records)
    assert trainers.load(str(tmp_path / "run")).input_shape == (None, 12, 12, 3)
    with pytest.raises(ValueError, match="do not say which encoder"):
        export.export_run(tmp_path / "run")
    assert export.export_finished(tmp_path / "run") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"",
    ],
    ids=["cut", "flipped", "emptied"],
)
def test_damaged_weights_are_refused(run_copy, damage):
    path = run_copy / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        ValueError, match=r"model\.safetensors must have the sh"
    ):
        trainers.load(run_copy)


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "metrics.json",
        "model.safetensors",
        "records.json",
        "pixel_map.npz",
    ],
)
def test_a_missing_file_is_named(run_copy, name):
    (run_copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=name.replace(".", r"\.")):
        trainers.load(run_copy)


@pytest.mark.parametrize(
    "name", ["config.json", "metrics.json", "records.json", "pixel_map.npz"]
)
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_file_is_named(run_copy, name, content):
    (run_copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        trainers.load(run_copy)


@pytest.mark.parametrize("config", [5, {}, {"epochs": 1}])
def test_settings_with_other_fields_name_their_file(run_copy, config):
    path = run_copy / "config.json"
    claim = json.loads(path.read_text())
    path.write_text(json.dumps({**claim, "config": config}))
    with pytest.raises(ValueError, match=r"config\.json: A run's config"):
        trainers.load(run_copy)


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ("model.safetensors",),
        ("model.safetensors", "metrics.json"),
        ("records.json",),
        ("pixel_map.npz",),
        ("pixel_map.npz", "pixel_map.json"),
        ("records.json", "pixel_map.npz", "pixel_map.json"),
        ("config.json",),
        ("metrics.json",),
    ],
)
def test_files_of_another_run_are_refused(trained, run_copy, names):
    for name in names:
        shutil.copy(trained[3].workdir / name, run_copy / name)
    with pytest.raises(
        ValueError, match=r"sha256|fingerprint|different records"
    ):
        trainers.load(run_copy)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda v: v["provenance"].update(scaler="norm2"),
            "image records must",
        ),
        (lambda v: v["stacks"].update(max_tokens=64), "stacks must"),
        (lambda v: v["encoder"].update(sha256="0" * 64), "encoder"),
        (lambda v: v.update(format_version=2), "format_version"),
        (lambda v: v["encoder"].pop("gelu"), r"records\.json is damaged.*gelu"),
        (lambda v: v.update(encoder=5), r"records\.json is damaged"),
        (lambda v: v.update(files=["a"]), r"records\.json is damaged"),
    ],
)
def test_an_edited_records_file_is_refused(run_copy, edit, message):
    path = run_copy / "records.json"
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=message):
        loading.load_run(run_copy)
