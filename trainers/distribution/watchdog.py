"""Notices that another process of a training has ended, or never came.

Every worker listens at its address as long as it lives. The chief tries all
others, the others try the chief: so all stop after any of them has ended, and
nobody tries more than the chief must.
"""

import os
import socket
import sys
import threading
import time

from absl import logging

from trainers.distribution.cluster import Cluster

# A worker that is not there yet may still load TensorFlow.
START_SECONDS = 300.0
_PERIOD = 2.0  # seconds between two tries
_CONNECT_SECONDS = 5.0
# A busy machine may miss one.
_MISSES = 2
# One worker's death reaches the chief, and the chief's end everybody else.
STOP_SECONDS = 2 * _MISSES * (_PERIOD + _CONNECT_SECONDS)
_NOTICE_SECONDS = 10.0


def accepts(address: str) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection(
            (host.strip("[]"), int(port)), _CONNECT_SECONDS
        ):
            return True
    except OSError:
        return False


class Watchdog:
    """A thread that ends this process after another one has ended.

    The process may then wait within TensorFlow for data that will never come,
    where no exception reaches it: it ends at once, with exit code 1. What is
    on disk was written whole.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Takes the workers."""
        self._cluster = cluster
        self._others = [
            index
            for index in range(cluster.count)
            if index != cluster.index and 0 in (index, cluster.index)
        ]
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="watchdog", daemon=True
        )

    def start(self) -> None:
        """Starts to wait for the others, and then to watch them."""
        self._thread.start()

    def stop(self) -> None:
        """Lets the others end from here on."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        misses = dict.fromkeys(self._others, 0)
        absent = set(self._others)
        begin = time.monotonic()
        is_announced = False
        while not self._stopped.wait(_PERIOD):
            for index in self._others:
                if self._stopped.is_set():
                    return
                if accepts(self._cluster.addresses[index]):
                    misses[index] = 0
                    absent.discard(index)
                elif index not in absent:
                    misses[index] += 1
            seconds = time.monotonic() - begin
            names = ", ".join(self._cluster.name(i) for i in sorted(absent))
            if absent and seconds > _NOTICE_SECONDS and not is_announced:
                is_announced = True
                logging.warning("waiting for %s", names)
            if absent and seconds > START_SECONDS:
                _end(
                    f"{names} did not come within {START_SECONDS:.0f} s. "
                    "Start the same command there too, and check that its "
                    "address can be reached from this machine."
                )
            gone = [i for i, count in misses.items() if count >= _MISSES]
            if gone and not self._stopped.is_set():
                _end(
                    f"{' and '.join(map(self._cluster.name, gone))} has ended; "
                    "its own log says why. Run the same command on all "
                    "workers: it resumes after the last finished epoch."
                )


def _end(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    sys.stderr.flush()
    os._exit(1)


def wait_until_gone(address: str) -> None:
    """Returns after nothing has listened at an address for two tries."""
    misses = 0
    while misses < _MISSES:
        misses = 0 if accepts(address) else misses + 1
        time.sleep(_PERIOD / 2)
