"""Processes of this machine for Beam's own runner, and their death.

That runner waits for ever for a worker process that was killed.
"""

import contextlib
import logging
import os
import pathlib
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.transforms.environments import SubprocessSDKEnvironment

_DIRECTORY = "TEXT_AS_IMAGE_WORKERS"
_LOOK = 0.2  # seconds between two looks at the workers


@contextlib.contextmanager
def runner() -> Iterator[FnApiRunner]:
    """Gives Beam's runner workers that log errors only.

    Beam's choice for `DirectRunner` would fetch a binary.
    """
    environment = SubprocessSDKEnvironment.from_command_string(
        shlex.join([sys.executable, "-m", "tfrecords.units.beam_processes"])
    )
    with tempfile.TemporaryDirectory() as directory:
        os.environ[_DIRECTORY] = directory
        try:
            yield FnApiRunner(environment)
        finally:
            del os.environ[_DIRECTORY]
            _kill_workers(pathlib.Path(directory))


def wait(task: Callable[[], object]) -> None:
    """Runs a task; gives up when a worker process ends with an error.

    Raises:
        RuntimeError: If a worker ends with an error.
    """
    died: list[str] = []
    usual_hook = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        # Raised in the thread that waits for the process.
        if "Worker subprocess exited" in str(arguments.exc_value):
            died.append(str(arguments.exc_value))
        elif not died:
            usual_hook(arguments)

    result: futures.Future[None] = futures.Future()

    def run() -> None:
        try:
            task()
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(None)

    threading.excepthook = hook
    try:
        threading.Thread(target=run, daemon=True).start()
        while not died:
            with contextlib.suppress(TimeoutError):
                return result.result(_LOOK)
    finally:
        threading.excepthook = usual_hook
    raise RuntimeError(died[0])


def _kill_workers(directory: pathlib.Path) -> None:
    """Kills the workers that are left: their runner waits for them."""
    for path in directory.iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.name), signal.SIGKILL)


def _work() -> None:
    """The main function of a worker process."""
    logging.disable(logging.WARNING)
    (pathlib.Path(os.environ[_DIRECTORY]) / str(os.getpid())).touch()
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    _work()
