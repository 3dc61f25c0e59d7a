"""A page in your browser: type a text, see its image, the verdict, and why.

    python -m trainers.page --workdir=RUN
    python -m trainers.page --workdir=RUN --workdir=RUN2 --port=0

The page is served on this machine only, works without a network and keeps no
text. Its address goes to standard output when it is ready; Ctrl-C stops it.
"""

import dataclasses
import os
import sys
from collections.abc import Sequence

from tfrecords import command_line
from tfrecords.devices import DeviceOptions
from tfrecords.ranges import Range
from tfrecords.settings import validate
from trainers.pages import access
from trainers.serving.options import common

_PORTS = Range(least=0, below=2**16)


@dataclasses.dataclass(frozen=True)
class PageOptions:
    """Which runs are shown, and to whom."""

    workdir: str | Sequence[str] = common(
        "",
        "Directory of a finished run. May be given several times, to compare "
        "runs.",
        is_repeated=True,
    )
    encoder: str = common(
        "", "Directory of the runs' encoder, if it is no longer where it was."
    )
    host: str = common("127.0.0.1", "Address that the page is served on.")
    port: int = common(8600, "Port; 0 takes any that is free.", _PORTS)
    allow_remote: bool = common(
        False,
        "Let other machines use the page; they need a password. What is typed "
        "travels unencrypted unless a proxy in front adds TLS.",
    )
    password_file: str = common(
        "",
        "File whose first line is the password. By default the environment "
        f"variable {access.PASSWORD_VARIABLE}; without either, none is asked "
        "for.",
    )
    names: tuple[str, ...] = common(
        (), "Host names by which other machines reach the page."
    )

    def __post_init__(self) -> None:
        """Refuses values that no page could use."""
        validate(self)


PROGRAM = command_line.Program(
    "trainers.page",
    __doc__,
    settings=(PageOptions, DeviceOptions),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the page until it is interrupted."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is loaded."""
    options = arguments.settings(PageOptions)
    if not options.workdir:
        raise command_line.UsageError("Expected --workdir=RUN. Received: none.")
    _access(options)
    arguments.refuse_ignored(
        [(("names",), not options.allow_remote, "only a remote page has names")]
    )


def _access(options: PageOptions) -> access.Access:
    password = access.read_password(
        options.password_file, os.environ.get(access.PASSWORD_VARIABLE)
    )
    return access.check_remote(
        options.host,
        password,
        allow_remote=options.allow_remote,
        names=options.names,
    )


def _run(arguments: command_line.Arguments) -> int:
    from trainers.pages import answers, shown_runs
    from trainers.pages.server import PageServer

    options = arguments.settings(PageOptions)
    # The port is bound first: one that is taken is reported at once.
    with PageServer(options.host, options.port, _access(options)) as server:
        runs = shown_runs.load(options.workdir, options.encoder or None)
        files = answers.files(runs)
        sys.stdout.write(f"{server.url}  (Ctrl-C stops the page)\n")
        sys.stdout.flush()
        server.serve(files, answers.answers(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
