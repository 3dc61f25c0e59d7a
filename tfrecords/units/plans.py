"""The plan of a stage: what every process that runs its units must know."""

import json
import pathlib
from typing import Any

from tfrecords import files

FILE = "plan.json"


def save(directory: pathlib.Path, values: dict[str, Any]) -> str:
    """Writes a plan; returns the name of its file."""
    files.write_json(directory / FILE, values)
    return FILE


def load(plan: str) -> tuple[pathlib.Path, dict[str, Any]]:
    """Reads the plan in a directory; returns the directory, too."""
    directory = pathlib.Path(plan)
    return directory, json.loads((directory / FILE).read_text("utf-8"))
