"""One `main` for every program: flags, refusals, the work, the exit code."""

import dataclasses
import logging as python_logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from absl import logging

from tfrecords import flags, process
from tfrecords.flags import Program

__all__ = ["USER_ERRORS", "Arguments", "Program", "UsageError", "main"]

# Errors that a user can fix and that their message alone explains: settings,
# files, records, numbers, too little memory.
USER_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    FloatingPointError,
    MemoryError,
)
T = TypeVar("T")
# Names of flags, whether another setting leaves them without effect, and why.
Rule = tuple[Iterable[str], bool, str]


class UsageError(Exception):
    """A combination of flags that no run could use; exit code 2."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What a user typed.

    Attributes:
        typed: Flag name to value, of the flags that were typed.
        rest: What was typed besides flags.
        preset: Setting to value, under what was typed.
    """

    typed: Mapping[str, Any]
    rest: tuple[str, ...] = ()
    preset: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def settings(self, kind: type[T]) -> T:
        """Builds settings: typed flags over the preset over defaults.

        Raises:
            ValueError: If a value is refused.
        """
        names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        return kind(
            **{
                name: value
                for name, value in {**self.preset, **self.typed}.items()
                if name in names
            }
        )

    def refuse_ignored(self, rules: Iterable[Rule]) -> None:
        """Refuses typed flags that another setting leaves without effect.

        Raises:
            ValueError: Names the first flag of a rule that holds.
        """
        for names, is_ignored, because in rules:
            for name in names if is_ignored else ():
                if name in self.typed:
                    raise ValueError(
                        f"--{name} would have no effect: {because}. Leave one "
                        "of the two out."
                    )


def main(
    program: Program,
    run: Callable[[Arguments], int | None],
    argv: Sequence[str] | None = None,
    *,
    check: Callable[[Arguments], None] = lambda arguments: None,
) -> int:
    """Runs a program.

    Args:
        program: Its flags and help.
        run: Its work; TensorFlow is imported before it is called. What it
            returns is the exit code.
        argv: What was typed; by default the process's own arguments.
        check: Refuses what can be refused before TensorFlow is imported.

    Returns:
        The exit code: 0, 1 for an error that the user can fix, 2 for wrong
        usage, 130 after Ctrl-C. `--help`, `--version` and unknown flags end
        the process themselves, with 0, 0 and 2.
    """
    typed, rest = flags.parse(
        program, list(sys.argv[1:] if argv is None else argv)
    )
    process.prepare()
    if typed.pop("verbosity", 0) > 0:
        logging.set_verbosity(logging.DEBUG)
    arguments = Arguments(typed, tuple(rest), _preset(program, typed))
    try:
        check(arguments)
        process.import_tensorflow()
        return run(arguments) or 0
    except UsageError as error:
        return _fail(error, 2)
    except USER_ERRORS as error:
        return _fail(error, 1)
    except KeyboardInterrupt as error:
        return _fail(error, 130)


def _preset(program: Program, typed: Mapping[str, Any]) -> Mapping[str, Any]:
    if not program.presets:
        return {}
    default = program.fields()["preset"].default
    return program.presets[typed.get("preset", default)]


def _fail(error: BaseException, code: int) -> int:
    """Says what a user can fix; the trace is logged under --verbosity=1."""
    if logging.get_absl_logger().isEnabledFor(python_logging.DEBUG):
        logging.debug("", exc_info=error)
    if isinstance(error, KeyboardInterrupt):
        message = "interrupted: run the same command to resume"
    else:
        message = f"error: {error}"
    sys.stderr.write(message + "\n")
    return code
