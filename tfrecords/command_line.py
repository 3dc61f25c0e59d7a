"""Dataclass settings as absl flags, and back. No other file reads a flag."""

import dataclasses
import logging as python_logging
import os
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from absl import flags, logging

# What a message alone explains: bad settings, files, records or numbers, too
# little memory, and Ctrl-C.
MENDABLE = (
    OSError,
    ValueError,
    RuntimeError,
    FloatingPointError,
    MemoryError,
    KeyboardInterrupt,
)

# Of every program, unless its user says otherwise. oneDNN's convolutions, also
# on processors where TensorFlow does not choose them itself: up to 1.7 times as
# fast through a slice, four times back through small maps (BUILD_NOTES.md).
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
_DEFINE: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}
T = TypeVar("T")
_FOREIGN = re.compile(r"[/\\](tensorflow|tensorflow_datasets|keras)[/\\]")


def define_flags(
    settings: type,
    *,
    without: Collection[str] = (),
    helps: Mapping[str, str] = types.MappingProxyType({}),
    presets: Mapping[str, Mapping[str, Any]] = types.MappingProxyType({}),
) -> None:
    """Defines a flag for every plain field of a settings dataclass.

    A flag's default is None: what was not typed is left to the preset or the
    field's own default, which the help states.

    Args:
        settings: The dataclass.
        without: Fields that a program has no use for.
        helps: Field to another help, default included, where a program takes
            it otherwise.
        presets: Name to values that the help shows where they differ.
    """
    for field in dataclasses.fields(settings):
        if "help" not in field.metadata or field.name in without:
            continue
        text = helps.get(
            field.name,
            f"{field.metadata['help']} {_defaults(field, presets)}.",
        )
        choices = field.metadata["choices"]
        if choices:
            flags.DEFINE_enum(field.name, None, list(choices), text)
        else:
            _DEFINE[type(field.default)](field.name, None, text)
        # `--help` shows the flags of the program's own file.
        flags.FLAGS.register_key_flag_for_module(
            sys.argv[0], flags.FLAGS[field.name]
        )


def _defaults(
    field: "dataclasses.Field[Any]", presets: Mapping[str, Mapping[str, Any]]
) -> str:
    """The default and, preset by preset, what stands in its place."""
    others: dict[str, list[str]] = {}
    for name, values in presets.items():
        value = values.get(field.name, field.default)
        if value != field.default:
            others.setdefault(repr(value), []).append(name)
    shown = [f"Default: {field.default!r}"]
    shown += [
        f"with --preset={' or '.join(names)}: {value}"
        for value, names in others.items()
    ]
    return "; ".join(shown)


def typed_values(settings: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """What of `values` (flag name to value or None) belongs to `settings`."""
    names = {field.name for field in dataclasses.fields(settings)}
    return {
        name: value
        for name, value in values.items()
        if name in names and value is not None
    }


def settings_from_flags(settings: type[T], preset: Mapping[str, Any]) -> T:
    """Builds a settings object: typed flags over the preset over defaults."""
    typed = typed_values(settings, flags.FLAGS.flag_values_dict())
    return settings(**{**typed_values(settings, preset), **typed})


def refuse_typed(names: Iterable[str], because: str) -> None:
    """Refuses flags that another setting leaves without effect.

    Raises:
        ValueError: Names the first of `names` that was typed.
    """
    typed = [name for name in names if flags.FLAGS[name].present]
    if typed:
        raise ValueError(
            f"--{typed[0]} would have no effect: {because}. Leave one of the "
            "two out."
        )


def fail(error: BaseException) -> NoReturn:
    """Ends the program with what a user can mend; a trace would hide it.

    The trace is logged under `--verbosity=1`. Ctrl-C exits with 130, as
    shells expect.
    """
    logging.debug("", exc_info=error)
    if isinstance(error, KeyboardInterrupt):
        logging.error("interrupted: the same command goes on from here")
        sys.exit(130)
    sys.exit(f"error: {error}")


def prepare_process() -> None:
    """Quiets TensorFlow and logs plain messages; before any heavy import."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(python_logging.Formatter("%(message)s"))
    # TensorFlow and TFDS log their own progress through the same logger.
    handler.addFilter(
        lambda record: (
            record.levelno >= python_logging.ERROR
            or not _FOREIGN.search(record.pathname)
        )
    )
