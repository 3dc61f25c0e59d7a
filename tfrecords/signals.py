"""SIGTERM, which schedulers send, ends a program as Ctrl-C does."""

import contextlib
import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_PROCESSES = pathlib.Path("/proc")


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Raises `Terminated` in the main thread when SIGTERM arrives.

    The processes that this one has started get the signal first: whoever waits
    for them does not wait for ever. Nothing changes where the caller ignores
    SIGTERM, or is not the main thread.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child has inherited this function
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for child in children(owner):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGTERM)
        raise Terminated

    earlier = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier or signal.SIG_DFL)


def children(parent: int) -> Iterator[int]:
    """Yields the processes that a process has started, and theirs (Linux)."""
    for path in _PROCESSES.glob(f"{parent}/task/*/children"):
        # A thread or a process may end while we look.
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield from children(child)
                yield child
