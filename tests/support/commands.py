"""The programs, as a user types them."""

import atexit
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *flags, cwd):
    """Runs `python -m module` to its end, whatever that is.

    In a process of its own that has TensorFlow imported; `run_alone` has not.
    """
    server, directory = _server()
    task = {
        "module": module,
        "flags": [*map(str, flags)],
        "cwd": str(cwd),
        "environment": {**os.environ, "PYTHONPATH": str(ROOT)},
        "output": str(directory / "output"),
        "log": str(directory / "log"),
    }
    server.stdin.write(json.dumps(task) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    if not answer:
        raise RuntimeError("the server of programs died")
    return subprocess.CompletedProcess(
        [module, *flags],
        int(answer),
        *((directory / name).read_text("utf-8") for name in ("output", "log")),
    )


@functools.cache
def _server():
    """The server of this process, and where its programs print."""
    directory = tempfile.TemporaryDirectory(prefix="programs")
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.program_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # start-up lines of TensorFlow
        text=True,
    )

    def close():
        server.communicate()
        directory.cleanup()

    atexit.register(close)
    return server, pathlib.Path(directory.name)


def run_alone(module, *flags, cwd, bars=False, stdin=None):
    """The same from nothing; `bars` shows those of progress."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if bars:
        environment.pop("TQDM_DISABLE", None)
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, flags)],
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def exit_code(main, flags):
    """Calls a program's `main` in this process; returns its exit code."""
    try:
        return main(list(map(str, flags)))
    except SystemExit as error:
        return error.code
