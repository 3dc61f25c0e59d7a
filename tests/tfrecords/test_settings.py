"""Bounds, choices, JSON and fingerprints of any settings dataclass."""

import dataclasses
import math

import pytest

from tfrecords.settings import JsonSettings, fingerprint, setting, validate


@dataclasses.dataclass(frozen=True)
class Settings(JsonSettings):
    count: int = setting(5, "A count.", group="common")
    share: float = setting(0.5, "A share.", group="common")
    kind: str = setting("a", "A kind.", ("a", "b"), group="common")


@pytest.mark.parametrize(
    ("bounds", "legal", "illegal", "expected"),
    [
        ({"least": 2}, (2, 9), (1,), "be at least 2"),
        ({"above": 0}, (1, 0.1), (0, -1), "be above 0"),
        ({"most": 3}, (3, -9), (4, 3.1), "be at most 3"),
        ({"below": 1}, (0.99, -2), (1, 2), "be below 1"),
        ({"least": 0, "below": 1}, (0, 0.9), (-0.1, 1), r"be in \[0, 1\)"),
        ({"above": 0, "below": 1}, (0.1, 0.9), (0, 1), r"be in \(0, 1\)"),
        ({"least": 0, "most": 1}, (0, 1), (-0.1, 1.1), r"be in \[0, 1\]"),
        ({"above": 0, "most": 1}, (0.1, 1), (0, 1.1), r"be in \(0, 1\]"),
    ],
)
def test_values_outside_their_bounds_are_refused(
    bounds, legal, illegal, expected
):
    bounds = {name: {"share": value} for name, value in bounds.items()}
    for value in legal:
        validate(Settings(share=value), **bounds)
    for value in illegal:
        with pytest.raises(ValueError, match=f"--share must {expected}. Rec"):
            validate(Settings(share=value), **bounds)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "bounds",
    [{}, *({name: {"share": 0}} for name in ("least", "above", "below"))],
)
def test_no_setting_may_be_nan_or_infinite(value, bounds):
    with pytest.raises(ValueError, match="--share must be a finite number"):
        validate(Settings(share=value), **bounds)


def test_values_outside_their_choices_are_refused():
    with pytest.raises(ValueError, match=r"--kind must be one of \('a', 'b'"):
        validate(Settings(kind="c"))


def test_an_unknown_group_is_refused():
    with pytest.raises(ValueError, match="`group` must be one of"):
        setting(1, "A number.", group="spam")


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
