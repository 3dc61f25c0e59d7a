"""Settings dataclasses as flags of a command line, in groups."""

import argparse
import dataclasses
import importlib.metadata
import re
import sys
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from tfrecords.flag_values import (
    METAVARS,
    PARSERS,
    directory,
    one_of,
    suggestion,
)
from tfrecords.settings import GROUPS


@dataclasses.dataclass(frozen=True)
class Program:
    """A program as its user sees it.

    Attributes:
        name: Module name, after `python -m`.
        doc: Module docstring; its first sentence says what the program does.
        settings: Dataclasses whose fields are the flags.
        presets: Value of `--preset` to the settings that replace defaults.
        without: Fields that are no flags of this program.
        helps: Field to the help (default included) that replaces its own,
            where it means something different in this program.
        positional: Name and help of the positional arguments, if any.
        after_dashes: Name and help of the arguments after `--`, if any.
        resumes: Whether the same command resumes after Ctrl-C.
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
    after_dashes: tuple[str, str] | None = None
    resumes: bool = True

    def fields(self) -> dict[str, dataclasses.Field[Any]]:
        """Returns flag name to the field it sets."""
        return {
            field.name: field
            for settings in self.settings
            for field in dataclasses.fields(settings)
            if "help" in field.metadata and field.name not in self.without
        }


class Parser(argparse.ArgumentParser):
    """Parser whose errors are one sentence and name the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Prints the error and the command for help; exits with 2."""
        unknown = re.match(r"unrecognized arguments: --([^\s=]+)", message)
        if unknown:
            known = [name[2:] for name in self._option_string_actions]
            message = f"there is no flag --{unknown[1]}."
            message += suggestion(unknown[1], known, "--")
        elif message.startswith("unrecognized arguments: "):
            rest = message.removeprefix("unrecognized arguments: ")
            message = f"expected flags only. Received: {rest}"
        else:
            message = re.sub(r"^argument (\S+): ", r"\1 ", message)
        self.exit(2, f"error: {message}\nSee {self.prog} --help\n")


def build_parser(
    program: Program, parser: argparse.ArgumentParser | None = None
) -> argparse.ArgumentParser:
    """Builds the parser of a program; its result holds only typed flags.

    Args:
        program: Flags and help of the program.
        parser: The parser that the flags are added to; by default a new one.
    """
    if parser is None:
        parser = Parser(
            prog=f"python -m {program.name}",
            description=program.doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage="%(prog)s [--flag=value ...]"
            + (f" [{program.positional[0]} ...]" if program.positional else "")
            + (
                f" [-- {program.after_dashes[0]} ...]"
                if program.after_dashes
                else ""
            ),
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
    if program.after_dashes:
        name, text = program.after_dashes
        parser.add_argument_group(f"-- {name}", text)
    return parser


def add_about(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that every program has."""
    group = parser.add_argument_group("about")
    group.add_argument("--help", action="help", help="Show this and exit.")
    group.add_argument(
        "--version",
        action=_ShowVersion,
        nargs=0,
        default=argparse.SUPPRESS,
        help="Show the versions that results depend on, and exit.",
    )
    group.add_argument(
        "--verbosity",
        type=PARSERS[int],
        default=argparse.SUPPRESS,
        metavar="N",
        help="1: also log the trace of an error. Default: 0.",
    )


class _ShowVersion(argparse.Action):
    """Prints versions; looks them up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        names = ("text-as-image", "tensorflow", "keras")
        lines = [f"{name} {_installed(name)}\n" for name in names]
        sys.stdout.write("".join(lines))
        parser.exit(0)


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def parse(
    program: Program, arguments: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """Parses a command line.

    Returns:
        Flag name to value for the flags that were typed, and the positional
        arguments, or those after `--`.

    Raises:
        SystemExit: With 2 after a wrong command line.
    """
    switches = {
        name
        for name, field in program.fields().items()
        if isinstance(field.default, bool)
    }
    parser = build_parser(program)
    after: list[str] = []
    if program.after_dashes and "--" in arguments:
        dashes = arguments.index("--")
        arguments, after = arguments[:dashes], arguments[dashes + 1 :]
    values = vars(
        parser.parse_intermixed_args(
            [_spelled_out(word, switches) for word in arguments]
        )
    )
    rest = values.pop(program.positional[0]) if program.positional else after
    return values, rest


def _spelled_out(word: str, switches: Collection[str]) -> str:
    """Spells `--name` and `--noname` of a switch as `--name=true`, `=false`."""
    name = word.removeprefix("--")
    if name == word:
        return word
    if name in switches:
        return f"--{name}=true"
    if name.removeprefix("no") in switches:
        return f"--{name.removeprefix('no')}=false"
    return word


def _add_flag(
    group: Any, field: dataclasses.Field[Any], program: Program
) -> None:
    choices = field.metadata["choices"]
    kind = type(field.default)
    of_kind = directory if field.name.endswith("dir") else PARSERS[kind]
    flag = group.add_argument(
        f"--{field.name}",
        action="append" if field.metadata["is_repeated"] else "store",
        type=one_of(choices) if choices else of_kind,
        default=argparse.SUPPRESS,
        metavar="|".join(choices) if choices else METAVARS[kind],
        help=help_of(field, program).replace("%", "%%"),
    )
    values = choices or (("true", "false") if kind is bool else ())
    if values:
        flag.completer = lambda **_: values  # argcomplete asks for it


def help_of(field: dataclasses.Field[Any], program: Program) -> str:
    """Returns the help of a flag in a program: default and range included."""
    text = program.helps.get(field.name) or (
        field.metadata["help"] + _defaults(field, program.presets)
    )
    within = field.metadata["range"]
    return text if within is None else f"{text} Range: {within}."


def _defaults(
    field: dataclasses.Field[Any], presets: Mapping[str, Mapping[str, Any]]
) -> str:
    """Describes the default and the values of presets that replace it."""
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
