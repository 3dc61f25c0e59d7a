"""Dataclass settings as flags of a command line, in groups."""

import argparse
import dataclasses
import difflib
import importlib.metadata
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from tfrecords.settings import GROUPS


@dataclasses.dataclass(frozen=True)
class Program:
    """A program as its user sees it.

    Attributes:
        name: Its module, after `python -m`.
        doc: Its module docstring: the first sentence says what it does.
        settings: Dataclasses whose fields are its flags.
        presets: Name to values that `--preset` puts in place of defaults.
        without: Fields that it has no use for.
        helps: Field to another help, default included, where the program
            takes it otherwise.
        positional: Name and help of what it takes besides flags, if anything.
    """

    name: str
    doc: str | None
    settings: tuple[type, ...]
    presets: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    without: Collection[str] = ()
    helps: Mapping[str, str] = dataclasses.field(default_factory=dict)
    positional: tuple[str, str] | None = None

    def fields(self) -> "dict[str, dataclasses.Field[Any]]":
        """Flag name to the field it sets."""
        return {
            field.name: field
            for settings in self.settings
            for field in dataclasses.fields(settings)
            if "help" in field.metadata and field.name not in self.without
        }


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence with the nearest flag or value; exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Prints what is wrong and where the help is."""
        unknown = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        if unknown:
            known = [name[2:] for name in self._option_string_actions]
            message = f"there is no flag --{unknown[1]}."
            message += _suggestion(unknown[1], known, "--")
        else:
            message = re.sub(r"^argument (\S+): ", r"\1 ", message)
        self.exit(2, f"error: {message}\nSee {self.prog} --help\n")


def build_parser(
    program: Program, parser: argparse.ArgumentParser | None = None
) -> argparse.ArgumentParser:
    """Builds the parser of a program; what is not typed is not in its result.

    Args:
        program: The program.
        parser: The parser that gets the flags; by default a new one.
    """
    if parser is None:
        parser = Parser(
            prog=f"python -m {program.name}",
            description=program.doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage="%(prog)s [--flag=value ...]"
            + (f" [{program.positional[0]} ...]" if program.positional else ""),
            allow_abbrev=False,
            add_help=False,
        )
    fields = program.fields()
    for group_name in GROUPS:
        members = [
            field
            for field in fields.values()
            if field.metadata["group"] == group_name
        ]
        if members:
            group = parser.add_argument_group(group_name)
            for field in members:
                _add_flag(group, field, program)
    add_about(parser)
    if program.positional:
        name, text = program.positional
        parser.add_argument(name, nargs="*", default=[], help=text)
    return parser


def add_about(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that every program has."""
    group = parser.add_argument_group("about")
    group.add_argument("--help", action="help", help="Show this and exit.")
    group.add_argument(
        "--version",
        action=_ShowVersion,
        nargs=0,
        help="Show the versions that decide results, and exit.",
    )
    group.add_argument(
        "--verbosity",
        type=_whole_number,
        default=argparse.SUPPRESS,
        metavar="N",
        help="1 also logs the trace of an error. Default: 0.",
    )


class _ShowVersion(argparse.Action):
    """Looks versions up only when they are asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        names = ("text-as-image", "tensorflow", "keras")
        parser.exit(0, "\n".join(f"{n} {_installed(n)}" for n in names) + "\n")


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def parse(
    program: Program, arguments: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """Parses a command line; usage errors exit with 2.

    Returns:
        Flag name to value of what was typed, and what is no flag.
    """
    switches = {
        name
        for name, field in program.fields().items()
        if isinstance(field.default, bool)
    }
    parser = build_parser(program)
    values = vars(
        parser.parse_args([_spelled_out(word, switches) for word in arguments])
    )
    rest = values.pop(program.positional[0]) if program.positional else []
    return values, rest


def _spelled_out(word: str, switches: Collection[str]) -> str:
    """`--name` and `--noname` of a switch as `--name=true` and `=false`."""
    name = word.removeprefix("--")
    if name == word:
        return word
    if name in switches:
        return f"--{name}=true"
    if name.removeprefix("no") in switches:
        return f"--{name.removeprefix('no')}=false"
    return word


def _add_flag(
    group: Any, field: "dataclasses.Field[Any]", program: Program
) -> None:
    choices = field.metadata["choices"]
    kind = type(field.default)
    group.add_argument(
        f"--{field.name}",
        action="append" if field.metadata["is_repeated"] else "store",
        type=one_of(choices) if choices else _TYPES[kind],
        default=argparse.SUPPRESS,
        metavar="|".join(choices) if choices else _METAVARS[kind],
        help=help_of(field, program).replace("%", "%%"),
    )


def help_of(field: "dataclasses.Field[Any]", program: Program) -> str:
    """What a program says of a flag, default included."""
    if field.name in program.helps:
        return program.helps[field.name]
    return field.metadata["help"] + _defaults(field, program.presets)


def _defaults(
    field: "dataclasses.Field[Any]", presets: Mapping[str, Mapping[str, Any]]
) -> str:
    """The default and, preset by preset, what replaces it."""
    others: dict[str, list[str]] = {}
    for name, values in presets.items():
        value = values.get(field.name, field.default)
        if value != field.default:
            others.setdefault(_shown(value), []).append(name)
    if not field.default and field.default in ("", ()) and not others:
        return ""  # the help says what happens without it
    shown = [f"Default: {_shown(field.default)}"]
    shown += [
        f"with --preset={' or '.join(names)}: {value}"
        for value, names in others.items()
    ]
    return f" {'; '.join(shown)}."


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return str(value) if value != "" else "none"


def one_of(choices: Collection[str]) -> Callable[[str], str]:
    """A flag's type: one of a few strings; suggests the nearest."""

    def check(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(choices)}. Received: {text}."
                + _suggestion(text, choices)
            )
        return text

    return check


def _suggestion(word: str, known: Collection[str], before: str = "") -> str:
    """The nearest known word, if one is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {before}{near[0]}?" if near else ""


def _boolean(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(
            f"must be true or false. Received: {text}"
        )
    return values[text.lower()]


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be a whole number. Received: {text}"
        ) from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be a number. Received: {text}"
        ) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


_TYPES: dict[type, Callable[[str], Any]] = {
    bool: _boolean,
    int: _whole_number,
    float: _number,
    str: str,
    tuple: _names,
}
_METAVARS = {
    bool: "true|false",
    int: "N",
    float: "X",
    str: "TEXT",
    tuple: "A,B,...",
}
