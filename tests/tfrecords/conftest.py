"""Shared by the tests of this package."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from tests.support import record_sets


@pytest.fixture(scope="session")
def run_in_fork(tmp_path_factory):
    """Runs a task of the fork server in its own process: `(status, log)`."""
    log = tmp_path_factory.mktemp("fork_server") / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server"],
        cwd=record_sets.ROOT,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TQDM_DISABLE": "1",
            "OMP_WAIT_POLICY": "PASSIVE",  # t-SNE's threads spin otherwise
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def run(**task):
        if "settings" in task:
            task["settings"] = dataclasses.asdict(task["settings"])
        process.stdin.write(json.dumps({**task, "log": str(log)}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the fork server died"
        return int(answer), log.read_text(errors="replace")

    yield run
    process.stdin.close()
    process.stdout.close()
    process.wait(60)
