"""SIGINT and SIGTERM, which schedulers send, end a program alike."""

import contextlib
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_PROCESSES = pathlib.Path("/proc")
_AGAIN_AFTER = 0.1  # seconds


class Signals:
    """What has arrived.

    Attributes:
        last: Number of the last signal; `None` if there was none. After one,
            any exception may be its consequence: a library in C that is
            interrupted may turn `KeyboardInterrupt` into an error of its own.
    """

    def __init__(self) -> None:
        """Starts without a signal."""
        self.last: int | None = None


@contextlib.contextmanager
def interrupting(received: Signals) -> Iterator[None]:
    """Raises `KeyboardInterrupt` in the main thread when a signal arrives.

    Where Python drops exceptions, in finalisers and callbacks of weak
    references, it is raised again a moment later.

    On SIGTERM, the processes that this one has started get the signal first:
    whoever waits for them does not wait for ever. Nothing changes where the
    caller ignores or handles a signal, or is not the main thread.

    Args:
        received: Notes the signals, to be asked after an exception.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child has inherited this function
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        received.last = number
        if number == signal.SIGTERM:
            for child in children(owner):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGTERM)
        raise KeyboardInterrupt

    earlier = {
        number: signal.signal(number, handle)
        for number, default in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        )
        if signal.getsignal(number) is default
    }
    report = sys.unraisablehook
    again = threading.Timer(0, lambda: None)

    def on_dropped(dropped: "sys.UnraisableHookArgs") -> None:
        nonlocal again
        if dropped.exc_type is not KeyboardInterrupt or received.last is None:
            report(dropped)
            return
        again = threading.Timer(_AGAIN_AFTER, os.kill, (owner, received.last))
        again.daemon = True
        again.start()

    sys.unraisablehook = on_dropped
    try:
        yield
    finally:
        again.cancel()
        sys.unraisablehook = report
        for number, handler in earlier.items():
            signal.signal(number, handler)


def children(parent: int) -> Iterator[int]:
    """Yields the processes that a process has started, and theirs (Linux)."""
    for path in _PROCESSES.glob(f"{parent}/task/*/children"):
        # A thread or a process may end while we look.
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield from children(child)
                yield child
