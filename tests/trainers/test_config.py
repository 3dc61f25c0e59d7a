"""Settings, presets and their JSON."""

import dataclasses
import json

import pytest

from tfrecords.config import RecordsConfig
from trainers import backbones
from trainers.config import PRESETS, TrainConfig, default_workdir
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.run import default_workdir as multimodal_workdir


def test_json_round_trip_keeps_every_field():
    config = TrainConfig(backbone="vgg16", epochs=3)
    assert TrainConfig.loads(config.dumps()) == config


@pytest.mark.parametrize("change", [{"epoch": 3}, {"backbone": None}])
def test_json_with_other_fields_is_refused(change):
    value = json.loads(TrainConfig().dumps())
    value = {**value, **change}
    if change.get("backbone", "") is None:
        del value["backbone"]
    with pytest.raises(ValueError, match="fields"):
        TrainConfig.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"backbone": "lenet"}, "--backbone"),
        ({"epochs": 0}, "--epochs"),
        ({"upsample": -1}, "--upsample"),
        ({"dropout": 1.0}, "--dropout"),
        ({"batch_size": 1}, "--batch_size"),
        ({"reconstruction_weight": -1.0}, "--reconstruction_weight"),
    ],
)
def test_a_useless_setting_is_refused_by_its_flag(settings, flag):
    with pytest.raises(ValueError, match=flag):
        TrainConfig(**settings)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_name_only_settings_that_exist(preset):
    fields = {
        field.name
        for settings in (
            TrainConfig,
            RecordsConfig,
        )
        for field in dataclasses.fields(settings)
    }
    assert set(PRESETS[preset]) <= fields


# Table I of the paper: autoencoder, head.
TABLE_1 = {
    "alexnet": (1e-5, 5e-4),
    "resnet": (5e-5, 1e-4),
    "wide_resnet": (5e-5, 1e-4),
    "resnext": (5e-5, 1e-3),
    "shufflenet": (5e-4, 1e-3),
    "vgg16": (5e-5, 1e-3),
}


@pytest.mark.parametrize("name", sorted(backbones.BACKBONES))
def test_the_paper_autoencoder_trains_at_table_1s_rates(name):
    config = TrainConfig(backbone=name, autoencoder="paper")
    assert tuple(config.learning_rates.values()) == TABLE_1[name]


def test_a_coarse_slice_sees_larger_images_unless_told_otherwise():
    enlargements = {
        name: TrainConfig(backbone=name).enlargement
        for name in backbones.BACKBONES
    }
    assert {name for name, n in enlargements.items() if n == 6} == {
        "alexnet",
        "shufflenet",
    }
    assert set(enlargements.values()) == {2, 6}
    config = TrainConfig(backbone="alexnet", upsample=1)
    assert config.enlargement == 1


def test_typed_rates_override_the_presets():
    config = TrainConfig(autoencoder="paper", autoencoder_lr=0.5, head_lr=0.25)
    assert config.learning_rates == {"autoencoder": 0.5, "head": 0.25}


@pytest.mark.parametrize(
    ("name_of", "config"),
    [
        (default_workdir, TrainConfig(backbone="wide_resnet")),
        (multimodal_workdir, MultimodalTrainConfig(backbone="mobilenetv2")),
    ],
)
def test_long_name_of_records_gives_a_legal_workdir(tmp_path, name_of, config):
    key = "image_records" if name_of is default_workdir else "records"
    fingerprint = "-0123456789ab"
    for length in (40, 200, 242):
        name = "x" * length + fingerprint
        changed = dataclasses.replace(config, **{key: f"r/image/{name}/1.0.0"})
        workdir = tmp_path / name_of(changed)
        workdir.mkdir(parents=True, exist_ok=True)
        assert fingerprint in workdir.name
        assert length > 40 or name in workdir.name


@pytest.mark.parametrize(
    ("directory", "records"),
    [(".", "1.0.0"), ("1.0.0", "."), ("x", "../1.0.0")],
)
def test_a_run_is_named_after_its_records_wherever_it_is_started(
    tmp_path, monkeypatch, directory, records
):
    start = tmp_path / "reviews-0123456789ab" / directory
    start.mkdir(parents=True)
    monkeypatch.chdir(start)
    config = TrainConfig(image_records=records)
    whole = TrainConfig(image_records="r/image/reviews-0123456789ab/1.0.0")
    assert default_workdir(config) == default_workdir(whole)
