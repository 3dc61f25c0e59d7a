"""In a store, a lock is an object that its holder keeps young."""

import json
import os
import socket
import time
import uuid

import pytest

from tests.support import object_store
from tfrecords import files, gfiles, leases, paths


@pytest.fixture(params=["ram", "objects"])
def lock(request, monkeypatch):
    if request.param == "objects":
        objects = object_store.ObjectStore()
        monkeypatch.setattr(gfiles, "module", lambda: objects)
    path = paths.open_path(f"{request.param}://{uuid.uuid4().hex}/set/.lock")
    path.parent.mkdir()
    return path


def hold(lock, **settings):
    return leases.hold(
        lock, **{"interval": 0.05, "timeout": 60, "settle": 0, **settings}
    )


def dead(lock, age):
    lock.write_text(
        json.dumps(
            {
                "host": "far",
                "pid": 7,
                "since": time.time() - age - 60,
                "alive": time.time() - age,
            }
        )
    )


def test_a_lease_says_who_holds_it_and_is_gone_at_the_end(lock):
    with hold(lock):
        held = leases.read(lock)
        assert (held["host"], held["pid"]) == (
            socket.gethostname(),
            os.getpid(),
        )
    assert not lock.exists()


def test_a_second_holder_is_refused_however_long_the_first_one_works(
    lock, monkeypatch
):
    now = time.time
    with hold(lock):
        monkeypatch.setattr(time, "time", lambda: now() + 100)
        _wait_until(lambda: leases.read(lock)["alive"] > now() + 60)
        with (
            pytest.raises(
                RuntimeError,
                match=rf"Process {os.getpid()} on .* is already writing "
                rf"{lock.parent}, since \d{{4}}-.* UTC\. Wait",
            ),
            hold(lock),
        ):
            pass
        assert leases.read(lock)["pid"] == os.getpid()
    assert not lock.exists()


def _wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_dead_holder_is_replaced_and_a_young_one_is_not(lock):
    dead(lock, age=30)
    with (
        pytest.raises(RuntimeError, match="Process 7 on far"),
        hold(lock),
    ):
        pass
    dead(lock, age=90)
    with hold(lock):
        assert leases.read(lock)["pid"] == os.getpid()


@pytest.mark.parametrize("content", ["", "x", "[]", "{}", '{"host": 1}'])
def test_a_lease_that_says_nothing_does_not_block(lock, content):
    lock.write_text(content)
    with hold(lock):
        assert leases.read(lock)["pid"] == os.getpid()


def test_of_two_that_start_together_the_first_to_write_gives_way(
    lock, monkeypatch
):
    # The other one writes while this one waits for it.
    monkeypatch.setattr(time, "sleep", lambda _: dead(lock, age=0))
    with pytest.raises(RuntimeError, match="on far"), hold(lock):
        pass
    assert leases.read(lock)["host"] == "far"


def test_a_holder_that_was_replaced_leaves_the_lease_of_the_other(lock):
    with hold(lock):
        dead(lock, age=0)
        time.sleep(0.2)
        assert leases.read(lock)["host"] == "far"
    assert leases.read(lock)["host"] == "far"


def test_files_lock_takes_a_lease_in_a_store(lock):
    with files.lock(lock.parent):
        assert leases.read(lock)["pid"] == os.getpid()
    assert not lock.exists()
