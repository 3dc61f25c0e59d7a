"""One training by one device, two replicas and two processes."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy

from tests.support import commands
from trainers.distribution import watchdog

pytestmark = pytest.mark.slow

# Sums over examples in another order, a few epochs of Adam later.
_TOLERANCE = 1e-5
# Validations within an epoch make it last long enough to be killed in.
_FLAGS = (
    "--limit_train=256",
    "--limit_validation=64",
    "--projection=pca",
    "--epochs=3",
    "--eval_every=1",
    "--baselines=false",
    "--export=false",
)
# Keys of metrics.json that name the bytes of the weights, or the replicas.
_OF_THE_RUN = {"model_sha256", "distribution", "replicas"}


def _free_ports(count):
    """Ports that are free now; others may take them, which is unlikely."""
    with socket.socket() as first, socket.socket() as second:
        sockets = (first, second)[:count]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _start_workers(cwd, *flags):
    """Starts the two processes of one training; the chief is the first."""
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        config = {
            "cluster": {"worker": workers},
            "task": {"type": "worker", "index": index},
        }
        environment = {
            **os.environ,
            "PYTHONPATH": str(commands.ROOT),
            "TF_CONFIG": json.dumps(config),
        }
        # As a user runs it: the tests' own level shows nothing at all.
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        command = [sys.executable, "-m", "trainers.run", *flags]
        processes.append(
            subprocess.Popen(
                [*command, "--distribution=multi_worker"],
                cwd=cwd,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def _finish(processes, seconds=400):
    """Waits for processes; returns their logs."""
    try:
        return [each.communicate(timeout=seconds)[0] for each in processes]
    finally:
        for each in processes:
            each.kill()


def _weights(workdir):
    return safetensors.numpy.load_file(workdir / "model.safetensors")


def _assert_same_run(workdir, expected, metrics):
    """Weights, predicted classes, report, and what metrics.json counts."""
    weights, others = _weights(workdir), _weights(expected)
    assert weights.keys() == others.keys()
    for name, value in others.items():
        np.testing.assert_allclose(
            weights[name], value, rtol=0, atol=_TOLERANCE, err_msg=name
        )
    tables = []
    for directory in (workdir, expected):
        with (directory / "predictions.csv").open(newline="") as file:
            tables.append([row[:3] for row in csv.reader(file)])
    assert tables[0] == tables[1]
    report, other = (
        (directory / "report.md").read_text().replace(directory.name, "RUN")
        for directory in (workdir, expected)
    )
    assert report == other
    figures, others = (
        json.loads((directory / "metrics.json").read_text())
        for directory in (workdir, expected)
    )
    assert {
        name: figures.get(name) for name in ("distribution", "replicas")
    } == {
        "distribution": metrics[0],
        "replicas": metrics[1],
    }
    for name in others.keys() - _OF_THE_RUN:
        if name in ("loss", "calibration_error", "epochs", "picture_kept"):
            continue  # compared below, to a tolerance
        assert figures[name] == others[name], name
    for row, other in zip(figures["epochs"], others["epochs"], strict=True):
        assert row == pytest.approx(other, abs=1e-5)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Directory with the demo's records and a run by one device."""
    directory = tmp_path_factory.mktemp("demo")
    finished = commands.run(
        "trainers.run", "--workdir=one_device", *_FLAGS, cwd=directory
    )
    assert finished.returncode == 0, finished.stderr
    return directory


def test_two_replicas_and_two_processes_make_the_run_of_one_device(demo):
    finished = commands.run(
        "trainers.run",
        "--workdir=mirrored",
        "--distribution=mirrored",
        "--device=cpu",
        "--replicas=2",
        *_FLAGS,
        cwd=demo,
    )
    assert finished.returncode == 0, finished.stderr
    _assert_same_run(demo / "mirrored", demo / "one_device", ("mirrored", 2))
    flags = ("--workdir=multi_worker", *_FLAGS)
    processes = _start_workers(demo, *flags)
    chief, worker = _finish(processes)
    assert [each.returncode for each in processes] == [0, 0], chief + worker
    _assert_same_run(
        demo / "multi_worker", demo / "one_device", ("multi_worker", 2)
    )
    # Nothing but one line that names the chief.
    assert re.fullmatch(
        r"worker 1 of 2 is done; the chief, worker 0 \(127\.0\.0\.1:\d+\) has "
        r"written multi_worker\n",
        worker,
    )
    # The same files: shares of the feature maps are gone.
    assert sorted(path.name for path in (demo / "multi_worker").iterdir()) == (
        sorted(path.name for path in (demo / "one_device").iterdir())
    )
    # Again: both find the run finished.
    processes = _start_workers(demo, *flags)
    assert "reusing multi_worker" in _finish(processes)[0]
    assert [each.returncode for each in processes] == [0, 0]


def test_others_stop_after_a_kill_and_the_same_command_resumes(demo):
    # Features in files, in the shares of both, read while training.
    flags = ("--workdir=killed_run", "--cache_gb=0", *_FLAGS)
    for victim in (0, 1):
        _kill_after_an_epoch(demo, victim, *flags)
    processes = _start_workers(demo, *flags)
    chief, worker = _finish(processes)
    assert [each.returncode for each in processes] == [0, 0], chief + worker
    assert "resuming after epoch" in chief
    _assert_same_run(
        demo / "killed_run", demo / "one_device", ("multi_worker", 2)
    )


def _kill_after_an_epoch(demo, victim, *flags):
    """Starts two workers, kills one; the other says so and ends."""
    checkpoint = demo / "killed_run/checkpoint.safetensors"
    before = checkpoint.is_file() and checkpoint.stat().st_mtime_ns
    processes = _start_workers(demo, *flags)
    try:
        while not checkpoint.is_file() or (
            checkpoint.stat().st_mtime_ns == before
        ):
            assert processes[0].poll() is None, processes[0].stdout.read()
            time.sleep(0.02)
        processes[victim].send_signal(signal.SIGKILL)
        begin = time.monotonic()
        survivor = processes[1 - victim]
        log, _ = survivor.communicate(timeout=watchdog.STOP_SECONDS)
        # Loopback refuses at once; the rest is a busy machine's.
        assert time.monotonic() - begin < watchdog.STOP_SECONDS
    finally:
        _finish(processes)
    assert survivor.returncode == 1
    role = "the chief, worker 0" if victim == 0 else "worker 1"
    assert re.search(
        rf"^error: {role} \(127\.0\.0\.1:\d+\) has ended; its own log says "
        r"why\. Run the same command on all workers: it resumes after the last "
        r"finished epoch\.$",
        log,
        re.MULTILINE,
    )
    assert "Traceback" not in log
    assert "E0000" not in log
    assert not (demo / "killed_run/metrics.json").exists()
