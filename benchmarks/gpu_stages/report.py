"""What a stage has measured, on disk after every measurement."""

import json
import logging
import pathlib
import time
from typing import Any

from tfrecords import files


class Report:
    """Measurements and log of one stage, kept in a file that others read.

    A stage that is killed leaves everything that it had measured, and the name
    of what it was at.

    Attributes:
        seconds: Seconds that the stage may take.
    """

    def __init__(self, path: pathlib.Path, seconds: float) -> None:
        """Starts an empty report."""
        self._path = path
        self._begin = time.perf_counter()
        self._content: dict[str, Any] = {"measurements": [], "log": []}
        self.seconds = seconds
        self._write()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begin

    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - self.elapsed()

    def set(self, **values: Any) -> None:
        """Sets entries beside the measurements."""
        self._content |= values
        self._write()

    def at(self, name: str) -> None:
        """Says what is measured from here on."""
        self._content["at"] = {"name": name, "since": self.elapsed()}
        self._write()

    def add(self, name: str, **values: Any) -> None:
        """Adds one measurement."""
        self._content["measurements"].append({"name": name, **values})
        self._content.pop("at", None)
        self._write()

    def amend(self, **values: Any) -> None:
        """Adds figures to the last measurement."""
        self._content["measurements"][-1] |= values
        self._content.pop("at", None)
        self._write()

    def line(self, text: str) -> None:
        """Adds a line of a log, with its time."""
        self._content["log"].append([round(self.elapsed(), 3), text])
        self._write()

    def _write(self) -> None:
        text = json.dumps(self._content, indent=1)
        files.write_text(self._path, text)


class LogLines(logging.Handler):
    """Keeps the lines that a stage's programs log, with their times."""

    def __init__(self, report: Report) -> None:
        """Attaches to a report."""
        super().__init__()
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line."""
        self._report.line(record.getMessage())
