"""The fork server as the campaign's parts use it."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

from tests.campaign import child
from tests.support.commands import ROOT

ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HF_HUB_OFFLINE": "1",
    "MPLBACKEND": "agg",
    "OMP_WAIT_POLICY": "PASSIVE",  # t-SNE's threads spin otherwise
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # The encoder compiles in half the time; all trials have these bytes.
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
    "TQDM_DISABLE": "1",
}


@dataclasses.dataclass(frozen=True)
class Ended:
    """A program that has ended.

    Attributes:
        code: Its exit code; that of a signal is negative, `child.HANGS` means
            that it had to be stopped.
        seconds: How long it took.
        log: What it said on standard error.
        output: What it printed.
        count: Number of its counted calls, if they were counted.
        hit: The call that failed or died.
    """

    code: int | str
    seconds: float
    log: str
    output: str
    count: int = 0
    hit: str = ""

    @property
    def fault(self):
        """What no program may do: a trace of Python's, a hang, a crash."""
        if self.code == child.HANGS:
            return "hangs"
        if "Traceback (most recent call last)" in self.log:
            return "traceback"
        if self.code not in (0, 1, 2, 130, 143, -9):
            return f"exit code {self.code}"
        return ""

    @property
    def sentence(self):
        """The last line of its log."""
        lines = self.log.strip().splitlines()
        return lines[-1] if lines else ""


class Server:
    """Runs programs in forks of one process that has imported everything."""

    def __init__(self, scratch):
        """Starts the process; `scratch` holds logs and reports."""
        self.log = pathlib.Path(scratch) / "log"
        self.output = pathlib.Path(scratch) / "output"
        self.report = pathlib.Path(scratch) / "report.json"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.child"],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # start-up lines of TensorFlow
            text=True,
        )

    def run(self, command, cwd, **task):
        """Runs `(module, *flags)` in a directory; see `child` for the task."""
        module, *flags = command
        self.report.unlink(missing_ok=True)
        if "calls" in task:
            task["calls"] = {"report": str(self.report), **task["calls"]}
        task |= {"module": module, "flags": [*map(str, flags)]}
        task |= {"cwd": str(cwd), "log": str(self.log)}
        task["output"] = str(self.output)
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the fork server died")
        code, seconds = json.loads(answer)
        told = {}
        with contextlib.suppress(FileNotFoundError):
            told = json.loads(self.report.read_text())
        log = self.log.read_text(errors="replace")
        output = self.output.read_text(errors="replace")
        return Ended(code, seconds, log, output, **told)

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)
