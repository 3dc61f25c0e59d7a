"""The programs, as a user types them."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *flags, cwd, bars=False, stdin=None):
    """Runs `python -m module` to its end, whatever that is."""
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
