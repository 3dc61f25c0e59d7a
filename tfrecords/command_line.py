"""One `main` for every program: flags, refusals, the work, the exit code."""

import dataclasses
import functools
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from logging import DEBUG
from typing import Any, TypeVar

from absl import logging

from tfrecords import (
    devices,
    flags,
    process,
    shard_checks,
    signals,
    system_errors,
)
from tfrecords.flags import Program

__all__ = ["USER_ERRORS", "Arguments", "Program", "UsageError", "main"]

# Errors that a user can fix and whose message explains how: settings, files,
# records, numbers that are not finite, too little memory.
USER_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    FloatingPointError,
    MemoryError,
)
T = TypeVar("T")
# Names of flags, whether they have no effect, and the reason.
Rule = tuple[Iterable[str], bool, str]


class UsageError(Exception):
    """A command line that cannot be run; exit code 2."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """A parsed command line.

    Attributes:
        typed: Flag name to value, for the flags that were typed.
        rest: Positional arguments.
        preset: Setting to value; typed flags override it.
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
        """Refuses typed flags that have no effect because of another setting.

        Raises:
            ValueError: Names the first such flag.
        """
        for names, is_ignored, because in rules:
            for name in names if is_ignored else ():
                if name in self.typed:
                    raise ValueError(
                        f"--{name} would have no effect: {because}. Omit one "
                        "of the two."
                    )


def main(
    program: Program,
    run: Callable[[Arguments], int | None],
    argv: Sequence[str] | None = None,
    *,
    check: Callable[[Arguments], None] = lambda arguments: None,
    choose_device: Callable[[Arguments], None] | None = None,
) -> int:
    """Runs a program.

    Args:
        program: Flags and help of the program.
        run: Does the work and returns the exit code, or `None` for 0;
            TensorFlow is imported before it is called.
        argv: Arguments after the program's name; by default those of the
            process.
        check: Refuses settings before TensorFlow is imported.
        choose_device: Called before TensorFlow's first operation; by default,
            what the flags of the device say, if there are any.

    Returns:
        The exit code: 0, 1 for an error that the user can fix, 2 for wrong
        usage, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        SystemExit: With 0 after `--help` and `--version`, with 2 after a flag
            that does not exist or a value that is not legal.
    """
    with signals.interrupting() as received:
        try:
            return _work(program, run, argv, check, choose_device)
        except UsageError as error:
            return _fail(error, 2, f"error: {error}")
        except (Exception, KeyboardInterrupt) as error:
            if received.last or isinstance(error, KeyboardInterrupt):
                code = 128 + (received.last or signal.SIGINT)
                cure = ": run the same command to resume"
                cure = cure if program.resumes else ""
                return _fail(error, code, f"interrupted{cure}")
            # First: TensorFlow reports a full disk as it reports full memory.
            message = shard_checks.explain(error)
            message = message or system_errors.explain(error)
            message = message or devices.explain(error, program.fields())
            if message is None and not isinstance(error, USER_ERRORS):
                raise
            return _fail(error, 1, f"error: {message or error}")


def _work(
    program: Program,
    run: Callable[[Arguments], int | None],
    argv: Sequence[str] | None,
    check: Callable[[Arguments], None],
    choose_device: Callable[[Arguments], None] | None,
) -> int:
    """Runs a program; returns the exit code that it chooses."""
    typed, rest = flags.parse(
        program, list(sys.argv[1:] if argv is None else argv)
    )
    process.prepare()
    if typed.pop("verbosity", 0) > 0:
        logging.set_verbosity(logging.DEBUG)
    arguments = Arguments(typed, tuple(rest), _preset(program, typed))
    use_device = _device_of(program, arguments)
    if choose_device is not None:
        use_device = functools.partial(choose_device, arguments)
    check(arguments)
    for kind in program.settings:
        arguments.settings(kind)  # refuses what `check` did not look at
    process.import_tensorflow(use_device)
    return run(arguments) or 0


def _device_of(program: Program, arguments: Arguments) -> Callable[[], None]:
    """What chooses the device; a program without flags for it needs no GPU."""
    if devices.DeviceOptions not in program.settings:
        return devices.hide_gpus
    options = arguments.settings(devices.DeviceOptions)
    return functools.partial(devices.use, options)


def _preset(program: Program, typed: Mapping[str, Any]) -> Mapping[str, Any]:
    if not program.presets:
        return {}
    default = program.fields()["preset"].default
    return program.presets[typed.get("preset", default)]


def _fail(error: BaseException, code: int, message: str) -> int:
    """Prints the message, and with --verbosity=1 the trace."""
    if logging.get_absl_logger().isEnabledFor(DEBUG):
        logging.debug("", exc_info=error)
    sys.stderr.write(message + "\n")
    return code
