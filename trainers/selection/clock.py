"""The minutes that the user names, and what was decided by them.

What a clock decides differs between machines and days. So every decision is
kept in `decisions.json`: a resumed run keeps to it, and so does a run in a new
directory with a copy of the file.
"""

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from tfrecords import files
from trainers.runs import json_files
from trainers.runs.file_list import FileList

DECISIONS_FILE = "decisions.json"
# Of the minutes, for the report and the export.
_RESERVE = 0.08


class OutOfTimeError(Exception):
    """A stage would not end in time."""


class Clock:
    """Seconds left, decisions and durations of a run.

    Attributes:
        decisions: Name to what was decided.
        seconds: Stage to its duration.
    """

    def __init__(self, workdir: pathlib.Path, minutes: float) -> None:
        """Reads what an earlier try decided, if there was one."""
        self._path = workdir / DECISIONS_FILE
        self._workdir = workdir
        self.decisions: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        if self._path.is_file():
            kept = json_files.read(
                self._path,
                ("decisions", "seconds"),
                cure="Delete it: the clock then decides again.",
            )
            self.decisions, self.seconds = kept["decisions"], kept["seconds"]
        self._end = (
            time.monotonic()
            + 60 * minutes * (1 - _RESERVE)
            - sum(self.seconds.values())
        )

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def decide(self, name: str, choose: Callable[[], Any]) -> Any:
        """Returns what was decided, or decides, keeps and logs it.

        Args:
            name: Name of the decision.
            choose: Decides; the value is kept as JSON.
        """
        if name not in self.decisions:
            self.decisions[name] = choose()
            self._save()
            logging.info(
                "%s: %s (%.0f s left)", name, self.decisions[name], self.left
            )
        return self.decisions[name]

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures a stage; several of one name are summed up."""
        start = time.monotonic()
        yield
        passed = time.monotonic() - start
        self.seconds[name] = round(self.seconds.get(name, 0.0) + passed, 1)
        self._save()

    def _save(self) -> None:
        value = {"decisions": self.decisions, "seconds": self.seconds}
        files.write_json(self._path, value)
        FileList.of_run(self._workdir).record((DECISIONS_FILE,))
