"""A process notices that another one has ended, or never came."""

import contextlib
import socket
import subprocess
import sys
import time

import pytest

from trainers.distribution import watchdog
from trainers.distribution.cluster import Cluster


@contextlib.contextmanager
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def start(addresses, index, *settings):
    """A process whose main thread would wait for ever."""
    code = (
        "import threading\n"
        "from trainers.distribution import watchdog\n"
        "from trainers.distribution.cluster import Cluster\n"
        "watchdog._PERIOD = 0.1\n"
        f"{'; '.join(settings)}\n"
        f"watchdog.Watchdog(Cluster({addresses!r}, {index})).start()\n"
        "threading.Event().wait()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_a_process_ends_after_another_has_ended(index):
    with contextlib.ExitStack() as servers:
        addresses = tuple(servers.enter_context(listening()) for _ in "ab")
        process = start(addresses, index)
        # It has seen both alive.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert Cluster(addresses, index).name(1 - index) in errors
    assert errors.count("\n") == 1
    assert "Run the same command on all workers" in errors


def test_a_process_ends_if_another_never_comes():
    with listening() as chief, listening() as free:
        addresses = (chief, free)
    process = start(addresses, 0, "watchdog.START_SECONDS = 1")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "did not come within 1 s" in errors


def test_a_worker_watches_the_chief_alone_and_the_chief_all():
    addresses = ("a:1", "b:1", "c:1")
    watched = [
        watchdog.Watchdog(Cluster(addresses, index))._others
        for index in range(3)
    ]
    assert watched == [[1, 2], [0], [0]]


def test_the_end_of_a_listener_is_waited_for():
    with listening() as address:
        assert watchdog.accepts(address)
    begin = time.monotonic()
    watchdog.wait_until_gone(address)
    assert time.monotonic() - begin < watchdog.STOP_SECONDS
