"""Runs programs as `python -m` does, each in a fork: the imports cost once.

Reads one JSON task per line from stdin: `module`, `flags`, `cwd`, `environment`
and two files, `output` and `log`, for what it prints. Answers with one exit
code per line.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import traceback

from tfrecords import process

# Heavy, and no program of ours: those must still be modules not yet imported.
_IMPORTS = (
    *("keras_hub", "sklearn.manifold", "sklearn.linear_model", "h5py"),
    *("matplotlib.pyplot", "tensorflow_text", "tensorflow_datasets"),
    *("tfrecords.stages.images", "tfrecords.stages.stacks"),
    *("trainers.training.train", "trainers.experiments.baselines"),
)
_SECONDS = 600


def main():
    """Serves tasks until its input ends."""
    process.set_environment()
    # Nothing here runs an operation: a started TensorFlow must not be forked.
    for name in _IMPORTS:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)  # noqa: T201


def _run(task):
    """Runs a program in this process, which ends with it."""
    for name, number in (("output", 1), ("log", 2)):
        with open(task[name], "wb") as file:
            os.dup2(file.fileno(), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(_SECONDS)
    code = 1
    try:
        os.chdir(task["cwd"])
        os.environ.clear()
        os.environ.update(task["environment"])
        sys.argv = [task["module"], *task["flags"]]
        runpy.run_module(task["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = _code(error.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code(value):
    """The exit code that the interpreter makes of `sys.exit`'s argument."""
    if value is None or isinstance(value, int):
        return value or 0
    sys.stderr.write(f"{value}\n")
    return 1


if __name__ == "__main__":
    main()
