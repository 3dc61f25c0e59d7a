"""Settings of records refuse what no build could use."""

import dataclasses

import pytest

from tfrecords import config, multimodal_config

FIELDS = [
    (kind, field)
    for kind in (config.RecordsConfig, multimodal_config.MultimodalConfig)
    for field in dataclasses.fields(kind)
]
CHOICES = [
    pytest.param(kind, field.name, id=field.name)
    for kind, field in FIELDS
    if field.metadata["choices"]
]


@pytest.mark.parametrize(("kind", "name"), CHOICES)
def test_unknown_choices_are_refused_by_their_flag(kind, name):
    with pytest.raises(ValueError, match=f"--{name} must be one of"):
        kind(**{name: "spam"})


def test_every_setting_has_a_help_and_a_default_among_its_choices():
    for _, field in FIELDS:
        assert field.metadata["help"].endswith("."), field.name
        choices = field.metadata["choices"]
        assert not choices or field.default in choices


def test_settings_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.RecordsConfig().split = "official"


def test_multimodal_helps_and_settings_name_fields_that_have_an_effect():
    fields = {field.name for field in dataclasses.fields(config.RecordsConfig)}
    effective = fields - set(multimodal_config.MULTIMODAL_IGNORES)
    assert set(multimodal_config.MULTIMODAL_SETTINGS) < effective
    assert set(multimodal_config.MULTIMODAL_HELPS) < effective
    assert "scaler" in multimodal_config.MULTIMODAL_IGNORES


def test_a_setting_added_later_counts_only_with_a_new_value():
    settings = {"encoder_dtype": "float32", "layers": "last6"}
    assert config.without_added_later(settings) == {"layers": "last6"}
    settings["encoder_dtype"] = "bfloat16"
    assert config.without_added_later(settings) == settings


@pytest.mark.parametrize("name", ["train_split", "validation_split"])
def test_slices_need_the_official_protocol(name):
    with pytest.raises(ValueError, match=f"--{name}=train needs --split=off"):
        config.RecordsConfig(**{name: "train"})
    config.RecordsConfig(**{name: "train", "split": "official"})
