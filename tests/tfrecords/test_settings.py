"""Bounds, choices, JSON and fingerprints of any settings dataclass."""

import dataclasses
import math

import numpy as np
import pytest

from tfrecords.ranges import Range
from tfrecords.settings import JsonSettings, fingerprint, setting, validate


@dataclasses.dataclass(frozen=True)
class Settings(JsonSettings):
    count: int = setting(5, "A count.", Range(least=1, most=10), group="common")
    share: float = setting(
        0.5, "A share.", Range(least=0, below=1), group="common"
    )
    kind: str = setting("a", "A kind.", ("a", "b"), group="common")


@pytest.mark.parametrize("value", [0, 11, 2.0, True, "3", None, 10**400])
def test_a_value_that_is_no_whole_number_in_range_is_refused(value):
    expected = r"--count must be a whole number in \[1, 10\]. Received: "
    with pytest.raises(ValueError, match=expected):
        validate(Settings(count=value))


@pytest.mark.parametrize("value", [-0.1, 1, math.nan, math.inf, True, "0.5"])
def test_a_value_that_is_no_number_in_range_is_refused(value):
    with pytest.raises(ValueError, match=r"--share must be a number in \[0, 1"):
        validate(Settings(share=value))


@pytest.mark.parametrize(
    "legal", [{"count": 1}, {"count": np.int64(10)}, {"share": 0}]
)
def test_the_ends_of_a_range_are_legal(legal):
    validate(Settings(**legal))


def test_a_very_long_number_is_described_and_not_printed():
    with pytest.raises(ValueError, match="Received: a number of 33220 bits"):
        validate(Settings(count=10**10_000))


@pytest.mark.parametrize(("default", "legal"), [(1, ()), (0.5, ("a",))])
def test_a_number_without_a_range_is_refused(default, legal):
    with pytest.raises(ValueError, match="A number needs a range"):
        setting(default, "A number.", legal, group="common")


def test_values_outside_their_choices_are_refused():
    with pytest.raises(ValueError, match=r"--kind must be one of \('a', 'b'"):
        validate(Settings(kind="c"))


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="`group` must be one of"):
        setting("", "A text.", group="spam")


def test_settings_survive_json():
    settings = Settings(count=7, share=1e-3, kind="b")
    assert Settings.loads(settings.dumps()) == settings


@pytest.mark.parametrize("text", ["[]", "{}", '{"count": 1, "spam": 2}', "1"])
def test_json_with_other_fields_is_refused(text):
    with pytest.raises(ValueError, match="must have the fields"):
        Settings.loads(text)


def test_a_fingerprint_is_the_same_for_ever():
    # Records on users' disks are found by it.
    provenance = {"b": [1, 2.5, None], "a": "\N{SNOWMAN}", "c": {"x": True}}
    assert fingerprint(provenance) == "cc3e0e8fb6ab"


def test_a_fingerprint_does_not_depend_on_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": True}, {"b": 1}, {"a": 1, "b": None}]
)
def test_different_provenance_has_a_different_fingerprint(other):
    assert fingerprint(other) != fingerprint({"a": 1})
