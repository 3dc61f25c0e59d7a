"""How long a peer has trained, over all tries."""

import time


class Clock:
    """Counts the time between calls, and keeps it with a checkpoint.

    Attributes:
        milliseconds: One number per call, of earlier tries too.
    """

    def __init__(self) -> None:
        """Starts."""
        self.milliseconds: list[int] = []
        self._last = time.monotonic()

    def tick(self) -> None:
        """Adds the time since the last call."""
        now = time.monotonic()
        self.milliseconds.append(round(1000 * (now - self._last)))
        self._last = now

    @property
    def seconds(self) -> float:
        """The sum."""
        return sum(self.milliseconds) / 1000
