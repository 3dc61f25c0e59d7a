"""Shared by the tests of this package."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import uuid

import pytest

from tests.support import object_store, record_sets
from tfrecords import gfiles, paths


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


@pytest.fixture(scope="module")
def pristine(request, tmp_path_factory):
    """A set of `cls` records with a module's `COUNTS`."""
    directory = tmp_path_factory.mktemp("pristine") / "cls/made-0/1.0.0"
    record_sets.write_set(
        directory, record_sets.shards_of(request.module.COUNTS)
    )
    return directory


@pytest.fixture
def directory(tmp_path, pristine):
    """A copy of it, to be damaged."""
    directory = tmp_path / "cls" / "made-0" / "1.0.0"
    shutil.copytree(pristine, directory)
    return directory


@pytest.fixture(params=["ram", "objects"])
def store(request, monkeypatch):
    """An empty directory in TensorFlow's memory, or a prefix of objects."""
    if request.param == "objects":
        objects = object_store.ObjectStore()
        monkeypatch.setattr(gfiles, "module", lambda: objects)
    path = paths.open_path(f"{request.param}://{uuid.uuid4().hex}/records")
    path.mkdir()
    return path
