"""Many fresh processes for the price of one: imports once, then forks.

Reads a JSON task per line and answers with `[exit code, seconds]`. A task has
`module` and `flags` of a program, `cwd`, `log` and `output` (files for standard
error and output), and may have `environment`, `calls` (arguments of
`calls.Calls`), `signal` (its number and the seconds after which it comes),
`limits` (of `resource`), `delay` (in s) and `timeout`.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback

from tests.campaign import calls
from tfrecords import process

HANGS = "hangs"
_IMPORTS = (
    *("keras_hub", "sklearn.manifold", "sklearn.linear_model", "h5py"),
    *("matplotlib.pyplot", "tensorflow_text", "tfrecords.build"),
    *("tfrecords.stages.stacks", "tfrecords.stages.images"),
    *("tfrecords.stages.multimodal", "trainers.run", "trainers.table"),
    *("trainers.export", "trainers.predict", "trainers.verify"),
    *("trainers.training.train", "trainers.experiments.baselines"),
    *("trainers.experiments.runner", "trainers.reports.table_report"),
    *("trainers.serving.saved_model", "trainers.serving.text_classifier"),
    *("trainers.im2vec.__main__", "trainers.im2vec.experiment"),
    *("trainers.multimodal.run", "trainers.multimodal.train"),
    *("trainers.multimodal.export", "trainers.multimodal.predict"),
)


def main():
    """Serves tasks until its input ends."""
    process.prepare()
    # Nothing here runs an operation: a started TensorFlow must not be forked.
    for name in _IMPORTS:
        importlib.import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        time.sleep(task.get("delay", 0))
        start = time.monotonic()
        # Limits on files do not hold for pipes.
        said, saying = os.pipe()
        child = os.fork()
        if not child:
            _run(task, saying)
        os.close(saying)
        os.set_blocking(said, False)
        with open(task["log"], "wb") as log:
            code = _wait(child, task, said, log)
        os.close(said)
        answer = [code, round(time.monotonic() - start, 2)]
        print(json.dumps(answer), flush=True)  # noqa: T201


def _read(descriptor):
    """What a pipe holds now."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
    return b"".join(parts)


def _wait(child, task, said, log):
    """Waits for a child, signals it and stops it if it hangs."""
    number, delay = task.get("signal", (None, 0))
    start = time.monotonic()
    timeout = task.get("timeout", 300)
    is_hanging = False
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        log.write(_read(said))
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return HANGS if is_hanging else code
        elapsed = time.monotonic() - start
        if number is not None and elapsed >= delay:
            os.kill(child, number)
            number = None
        if elapsed > timeout:
            is_hanging = True
            os.kill(child, signal.SIGKILL)
        time.sleep(0.003)


def _run(task, saying):
    """Runs a program as `python -m` does; never returns."""
    with open(task["output"], "wb") as output:
        os.dup2(output.fileno(), 1)
    os.dup2(saying, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    counted = None
    try:
        os.chdir(task["cwd"])
        for name, value in task.get("environment", {}).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "TZ" in task.get("environment", {}):
            time.tzset()
        module = importlib.import_module(task["module"])
        if hasattr(module, "__path__"):  # a package, as `python -m` runs it
            module = importlib.import_module(f"{task['module']}.__main__")
        if "calls" in task:
            counted = calls.Calls(**task["calls"])
            calls.arm(counted)
        for name, value in task.get("limits", {}).items():
            resource.setrlimit(getattr(resource, name), (value, value))
        code = module.main(task["flags"]) or 0
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if counted is not None:
            counted.lasts, counted.at = False, 0
            counted.tell()
        os._exit(code)


if __name__ == "__main__":
    main()
