"""What every settings dataclass shares: fields, checks, JSON, fingerprints.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Self

# Groups of flags, in the order of --help.
GROUPS = (
    "common",
    "records",
    "map",
    "training",
    "device",
    "reproduction",
)
_NO_BOUNDS: Mapping[str, float] = types.MappingProxyType({})


def setting(
    default: Any,
    help_: str,
    choices: tuple[str, ...] = (),
    *,
    group: str,
    is_repeated: bool = False,
) -> Any:
    """Declares a dataclass field and its flag.

    Args:
        default: The field's default; its type is the flag's type. A tuple is
            typed with commas.
        help_: Help text; the default is appended to it.
        choices: Legal values, if there are few.
        group: One of `GROUPS`, under which --help lists the flag.
        is_repeated: Whether the flag may be typed several times; the default
            is then an empty string and the value a list.
    """
    if group not in GROUPS:
        raise ValueError(f"`group` must be one of {GROUPS}. Received: {group}")
    return dataclasses.field(
        default=default,
        metadata={
            "help": help_,
            "choices": choices,
            "group": group,
            "is_repeated": is_repeated,
        },
    )


class JsonSettings:
    """Base class of settings that a run keeps as JSON.

    Attributes:
        ADDED_LATER: Fields that were added after runs already existed, with
            the value that those had.
    """

    ADDED_LATER: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})

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


def validate(
    settings: Any,
    *,
    least: Mapping[str, float] = _NO_BOUNDS,
    above: Mapping[str, float] = _NO_BOUNDS,
    most: Mapping[str, float] = _NO_BOUNDS,
    below: Mapping[str, float] = _NO_BOUNDS,
) -> None:
    """Refuses values outside their choices or bounds, NaN and infinity.

    Args:
        settings: Instance of a settings dataclass.
        least: Field name to the smallest legal value.
        above: Field name to a bound that the value must exceed.
        most: Field name to the largest legal value.
        below: Field name to a bound that the value must not reach.

    Raises:
        ValueError: Names the flag, its legal values, and the value received.
    """
    for field in dataclasses.fields(settings):
        choices = field.metadata.get("choices", ())
        value = getattr(settings, field.name)
        if choices and value not in choices:
            raise ValueError(
                f"--{field.name} must be one of {choices}. Received: {value!r}"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"--{field.name} must be a finite number. Received: {value}"
            )
    for name in {**least, **above, **most, **below}:
        value = getattr(settings, name)
        is_legal = least.get(name, -math.inf) <= value <= most.get(
            name, math.inf
        ) and above.get(name, -math.inf) < value < below.get(name, math.inf)
        if not is_legal:
            expected = _range(
                ("[", "at least", least.get(name)),
                ("(", "above", above.get(name)),
                ("]", "at most", most.get(name)),
                (")", "below", below.get(name)),
            )
            raise ValueError(f"--{name} must be {expected}. Received: {value}")


def _range(*bounds: tuple[str, str, float | None]) -> str:
    """Puts one bound into words, or a lower and an upper one as an interval."""
    given = [bound for bound in bounds if bound[2] is not None]
    if len(given) == 2:
        (left, _, lower), (right, _, upper) = given
        return f"in {left}{lower}, {upper}{right}"
    ((_, words, value),) = given
    return f"{words} {value}"


def fingerprint(provenance: dict[str, Any]) -> str:
    """Returns the first 12 hex digits of the sha256 of a provenance."""
    canonical = json.dumps(provenance, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
