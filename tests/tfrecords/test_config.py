"""Settings refuse what no run could use, and have a fingerprint."""

import dataclasses

import pytest

from tfrecords import config
from tfrecords.settings import fingerprint


@pytest.mark.parametrize(
    "name", ["split", "scaler", "projection", "metric", "tsne_init"]
)
def test_unknown_choices_are_refused_by_their_flag(name):
    with pytest.raises(ValueError, match=f"--{name} must be one of") as caught:
        config.RecordsConfig(**{name: "spam"})
    assert "Received: 'spam'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("limit_train", 0),
        ("limit_validation", 0),
        ("max_tokens", 3),
        ("tokens_per_batch", 1),
        ("tsne_iterations", 300),
        ("image_height", 1),
        ("image_width", 1),
        ("examples_per_shard", 1),
        ("split_seed", 0),
        ("map_seed", 0),
    ],
)
def test_numbers_too_small_are_refused_by_their_flag(name, least):
    assert getattr(config.RecordsConfig(**{name: least}), name) == least
    with pytest.raises(ValueError, match=f"--{name} must be at least {least}"):
        config.RecordsConfig(**{name: least - 1})


def test_settings_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.RecordsConfig().split = "official"


def test_every_setting_has_a_help_and_a_default_among_its_choices():
    for field in dataclasses.fields(config.RecordsConfig):
        assert field.metadata["help"].endswith("."), field.name
        choices = field.metadata["choices"]
        assert not choices or field.default in choices


def test_a_fingerprint_is_the_same_for_ever():
    # Records on users' disks are found by it.
    provenance = {"b": [1, 2.5, None], "a": "\N{SNOWMAN}", "c": {"x": True}}
    assert fingerprint(provenance) == "cc3e0e8fb6ab"


def test_a_fingerprint_knows_no_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": True}, {"b": 1}, {"a": 1, "b": None}]
)
def test_another_provenance_has_another_fingerprint(other):
    assert fingerprint(other) != fingerprint({"a": 1})
