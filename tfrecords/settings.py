"""What every settings dataclass shares: fields, checks, JSON, fingerprints.

A field's metadata is its flag. This module imports nothing heavy, so that
`--help` answers at once.
"""

import dataclasses
import hashlib
import json
from typing import Any, Self

# Groups of flags, in the order of --help.
GROUPS = ("common", "records", "map", "training", "reproduction")


def setting(
    default: Any,
    help_: str,
    choices: tuple[str, ...] = (),
    *,
    group: str,
    is_repeated: bool = False,
) -> Any:
    """A dataclass field with what its flag needs.

    Args:
        default: The field's default; its type is the flag's. A tuple is typed
            with commas.
        help_: What it means; the default is added.
        choices: Legal values, if there are few.
        group: One of `GROUPS`, under which --help lists it.
        is_repeated: Whether it may be typed several times; the default is
            then an empty string, the value a list.
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
    """Base of settings that a run keeps as JSON."""

    def dumps(self) -> str:
        """JSON text; `loads` is the way back."""
        value = dataclasses.asdict(self)  # type: ignore[call-overload]
        return json.dumps(value, indent=2, sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> Self:
        """Reads `dumps`.

        Raises:
            ValueError: If it is not JSON or has another set of fields.
        """
        value = json.loads(text)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        expected = {field.name for field in fields}
        if not isinstance(value, dict) or set(value) != expected:
            received = sorted(value) if isinstance(value, dict) else value
            raise ValueError(
                f"A run's config must have the fields {sorted(expected)}. "
                f"Received: {received}"
            )
        return cls(**value)


def validate(settings: Any, *, least: dict[str, float]) -> None:
    """Refuses settings that are none of their choices, or too small.

    Args:
        settings: Instance of a settings dataclass.
        least: Field name to the smallest value allowed.

    Raises:
        ValueError: Names the flag, what it takes, and what it got.
    """
    for field in dataclasses.fields(settings):
        choices = field.metadata.get("choices", ())
        value = getattr(settings, field.name)
        if choices and value not in choices:
            raise ValueError(
                f"--{field.name} must be one of {choices}. Received: {value!r}"
            )
    for name, minimum in least.items():
        if getattr(settings, name) < minimum:
            raise ValueError(
                f"--{name} must be at least {minimum}. Received: "
                f"{getattr(settings, name)}"
            )


def fingerprint(provenance: dict[str, Any]) -> str:
    """First 12 hex digits of the sha256 of what an artefact depends on."""
    canonical = json.dumps(provenance, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
