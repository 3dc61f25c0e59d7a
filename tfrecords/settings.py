"""What every settings dataclass shares: fields, checks, JSON, fingerprints.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import hashlib
import json
import numbers
import os
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from tfrecords.ranges import Range

Settings = TypeVar("Settings")
# Groups of flags, in the order of --help.
GROUPS = (
    "common",
    "records",
    "map",
    "training",
    "device",
    "reproduction",
)


def setting(
    default: Any,
    help_: str,
    legal: tuple[str, ...] | Range = (),
    *,
    group: str,
    is_repeated: bool = False,
) -> Any:
    """Declares a dataclass field and its flag.

    Args:
        default: The field's default; its type is the flag's type. A tuple is
            typed with commas.
        help_: Help text; the default is appended to it.
        legal: Legal values: the range of a number, or some strings.
        group: One of `GROUPS`, under which --help lists the flag.
        is_repeated: Whether the flag may be typed several times; the default
            is then an empty string and the value a list.

    Raises:
        ValueError: If the group is unknown, or a number has no range.
    """
    if group not in GROUPS:
        raise ValueError(f"`group` must be one of {GROUPS}. Received: {group}")
    if (type(default) in (int, float)) != isinstance(legal, Range):
        raise ValueError(
            "A number needs a range as `legal`, and nothing else has one. "
            f"Received: {default!r} and {legal}: {help_}"
        )
    return dataclasses.field(
        default=default,
        metadata={
            "help": help_,
            "choices": () if isinstance(legal, Range) else legal,
            "range": legal if isinstance(legal, Range) else None,
            "group": group,
            "is_repeated": is_repeated,
        },
    )


class JsonSettings:
    """Base class of settings that a run keeps as JSON.

    Attributes:
        ADDED_LATER: Fields that were added after runs already existed, with
            the value that those had; left out of the names of runs.
    """

    ADDED_LATER: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})

    @property
    def naming_settings(self) -> dict[str, Any]:
        """The settings that names of runs are made of."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()  # type: ignore[call-overload]
            if (name, value) not in self.ADDED_LATER.items()
        }

    def dumps(self) -> str:
        """Returns JSON text, which `loads` reads."""
        value = dataclasses.asdict(self)  # type: ignore[call-overload]
        return json.dumps(value, indent=2, sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> Self:
        """Builds settings from the text of `dumps`.

        Raises:
            ValueError: If the text is not JSON or has other fields.
        """
        value = json.loads(text)
        if isinstance(value, dict):
            value = {**cls.ADDED_LATER, **value}
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        expected = {field.name for field in fields}
        if not isinstance(value, dict) or set(value) != expected:
            received = sorted(value) if isinstance(value, dict) else value
            raise ValueError(
                f"A run's config must have the fields {sorted(expected)}. "
                f"Received: {received}"
            )
        return cls(**value)


def of_preset(
    kind: type[Settings],
    presets: Mapping[str, Mapping[str, Any]],
    name: str,
    changes: Mapping[str, Any],
) -> Settings:
    """Builds settings: changes over a preset over defaults.

    Raises:
        ValueError: If there is no such preset, or a value is refused.
    """
    if name not in presets:
        raise ValueError(
            f"`preset` must be one of {tuple(presets)}. Received: {name!r}"
        )
    return kind(**{**presets[name], **changes})


def validate(settings: Any) -> None:
    """Refuses values outside their choices and ranges.

    Paths become strings, and numpy's numbers Python's, as JSON has them.

    Args:
        settings: Instance of a settings dataclass.

    Raises:
        ValueError: Names the flag, its legal values, and the value received.
    """
    for field in dataclasses.fields(settings):
        value = _plain(getattr(settings, field.name), field.default)
        object.__setattr__(settings, field.name, value)  # most are frozen
        choices = field.metadata.get("choices")
        within = field.metadata.get("range")
        if choices and value not in choices:
            raise ValueError(
                f"--{field.name} must be one of {choices}. Received: {value!r}"
            )
        if within is not None and not _is_within(value, field.default, within):
            noun = "whole number" if type(field.default) is int else "number"
            raise ValueError(
                f"--{field.name} must be a {noun} in {within}. Received: "
                f"{_shown(value)}"
            )


def _plain(value: Any, default: Any) -> Any:
    """A path as a string, a number of numpy as Python's."""
    if isinstance(value, os.PathLike):
        return str(value)
    if type(value) in (bool, int, float):  # fingerprints tell 1 from 1.0
        return value
    if type(default) is int and isinstance(value, numbers.Integral):
        return int(value)
    if type(default) is float and isinstance(value, numbers.Real):
        return float(value)
    return value


def _is_within(value: Any, default: Any, within: Range) -> bool:
    """Whether a value is a number like the default and in its range."""
    kind = numbers.Integral if type(default) is int else numbers.Real
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    return is_number and value in within


def _shown(value: Any) -> str:
    """A value as it was typed, or its length if that is too long to read."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    return repr(value)


def fingerprint(provenance: dict[str, Any]) -> str:
    """Returns the first 12 hex digits of the sha256 of a provenance."""
    canonical = json.dumps(provenance, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
