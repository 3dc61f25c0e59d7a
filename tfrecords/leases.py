"""A lock in a store without locks: an object that its holder keeps young."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from absl import logging

from tfrecords.paths import GfilePath

# Seconds between two signs of life, and after how many without one the holder
# is taken for dead: three lost signs, and clocks that differ by 30 s.
INTERVAL = 30.0
TIMEOUT = 120.0
# Seconds within which two that found the same dead holder have both written.
_SETTLE = 1.0


def holder() -> dict[str, Any]:
    """Returns who this process is: host, pid and the time, in s since 1970."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.time(),
    }


def parse(text: str) -> dict[str, Any] | None:
    """Returns what a lock says of its holder; `None` if it cannot be read."""
    try:
        value = json.loads(text)
        return {
            "host": str(value["host"]),
            "pid": int(value["pid"]),
            "since": float(value["since"]),
            "alive": float(value.get("alive", value["since"])),
        }
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def refusal(directory: object, held: dict[str, Any] | None) -> str:
    """Returns the sentence that says who holds a directory, and since when."""
    if held is None:
        return (
            f"Another process is already writing {directory}. Wait for it to "
            "end, or stop it."
        )
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(held["since"]))
    return (
        f"Process {held['pid']} on {held['host']} is already writing "
        f"{directory}, since {since}. Wait for it to end, or stop it."
    )


@contextlib.contextmanager
def hold(
    path: GfilePath,
    *,
    interval: float = INTERVAL,
    timeout: float = TIMEOUT,
    settle: float = _SETTLE,
) -> Iterator[None]:
    """Holds a lease; it ends with the process, `timeout` seconds later.

    The store has no atomic "create if absent", so two that start within a
    second decide by who wrote last.

    Args:
        path: The object; it is deleted at the end.
        interval: Seconds between two signs of life.
        timeout: Seconds without a sign of life after which another takes over.
        settle: Seconds to wait for another that takes over at the same time.

    Raises:
        RuntimeError: If another process holds it.
    """
    other = read(path)
    if other and time.time() - other["alive"] < timeout:
        raise RuntimeError(refusal(path.parent, other))
    mine = holder()
    _write(path, mine)
    if other:
        logging.warning(
            "%s: process %s on %s gave no sign of life for %d s: taking over",
            path,
            other["pid"],
            other["host"],
            time.time() - other["alive"],
        )
    time.sleep(settle)
    _check_holder(path, mine)
    ended = threading.Event()
    thread = threading.Thread(
        target=_keep_young, args=(path, mine, interval, ended), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if _is_holder(read(path), mine):
            path.unlink(missing_ok=True)


def read(path: GfilePath) -> dict[str, Any] | None:
    """Returns who holds a lease; `None` if nobody does, or nobody says so."""
    try:
        return parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def _write(path: GfilePath, mine: dict[str, Any]) -> None:
    path.write_text(json.dumps({**mine, "alive": time.time()}))


def _is_holder(held: dict[str, Any] | None, mine: dict[str, Any]) -> bool:
    return held is not None and all(
        held[name] == value for name, value in mine.items()
    )


def _check_holder(path: GfilePath, mine: dict[str, Any]) -> None:
    held = read(path)
    if held and not _is_holder(held, mine):
        raise RuntimeError(refusal(path.parent, held))


def _keep_young(
    path: GfilePath,
    mine: dict[str, Any],
    interval: float,
    ended: threading.Event,
) -> None:
    """Gives signs of life; a store that fails once gets another chance."""
    while not ended.wait(interval):
        try:
            _check_holder(path, mine)
            _write(path, mine)
        except RuntimeError as error:
            # The bytes are the same, whoever writes them.
            logging.warning("%s: taken over. %s", path, error)
            return
        except OSError as error:
            logging.warning("%s: no sign of life: %s", path, error)
