"""A worker that is killed in the middle of its work costs no byte."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.support import record_sets
from tfrecords import build

pytestmark = pytest.mark.slow

KILLS = 2
FLAGS = {
    "encoder": record_sets.TINY_BERT,
    "layers": "last2",
    "max_tokens": 64,
    "tokens_per_batch": 256,
    "examples_per_shard": 10,
    "projection": "pca",
    "image_height": 6,
    "image_width": 4,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    return record_sets.write_csv(directory / "reviews.csv", count=400)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, corpus):
    directory = tmp_path_factory.mktemp("undisturbed") / "records"
    build.prepare_records(
        record_sets.settings(corpus, directory, examples_per_shard=10)
    )
    return record_sets.tree(directory)


def start(corpus, directory, *beam_flags):
    flags = {**FLAGS, "dataset": corpus, "records_dir": directory}
    log = directory.with_name("log.txt").open("a+")
    driver = subprocess.Popen(
        [
            sys.executable,
            *("-m", "tfrecords.build", "--runner=beam"),
            *(f"--{name}={value}" for name, value in flags.items()),
            *("--", *beam_flags),
        ],
        cwd=record_sets.ROOT,
        stdout=log,
        stderr=log,
    )
    return driver, log


def output_of(driver, log):
    """Waits for a driver; returns all that it printed."""
    driver.wait(timeout=120)
    with log:
        log.seek(0)
        return log.read()


def workers_of(driver):
    """Processes of the driver's own runner."""
    workers = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid = int(path.name)
        is_worker = command.startswith(os.fsencode(sys.executable))
        if is_worker and b"beam_processes" in command and is_below(pid, driver):
            workers.append(pid)
    return workers


def is_below(pid, driver):
    while pid not in (0, driver.pid):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        pid = int(stat.rsplit(")", 1)[1].split()[1])
    return pid == driver.pid


def marks_in(directory):
    return sum(1 for _ in directory.rglob("*.done.json"))


def test_the_command_resumes_after_kills_of_beams_own_workers(
    tmp_path, corpus, undisturbed
):
    directory = tmp_path / "records"
    draw = random.Random(0)
    killed = 0
    while True:
        before = marks_in(directory)
        driver, log = start(corpus, directory, "--direct_num_workers=2")
        while killed < KILLS and driver.poll() is None:
            if marks_in(directory) > before + draw.randint(0, 8):
                workers = workers_of(driver)
                if workers:
                    os.kill(draw.choice(workers), signal.SIGKILL)
                    killed += 1
                    break
            time.sleep(0.01)
        output = output_of(driver, log)
        if not driver.returncode:
            break
        assert driver.returncode == 1, output
        assert "run the same command again to resume" in output
    assert killed == KILLS
    assert record_sets.tree(directory) == undisturbed


def test_dask_runs_the_units_of_a_killed_worker_again(
    tmp_path, corpus, undisturbed
):
    distributed = pytest.importorskip("distributed")
    directory = tmp_path / "records"
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs="ERROR",
    ) as cluster:
        driver, log = start(
            corpus,
            directory,
            "--runner=DaskRunner",
            f"--dask_client_address={cluster.scheduler_address}",
        )
        while not marks_in(directory) and driver.poll() is None:
            time.sleep(0.01)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        output = output_of(driver, log)
    assert driver.returncode == 0, output
    assert record_sets.tree(directory) == undisturbed
