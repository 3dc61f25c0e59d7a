"""The plan of a stage: what every process that runs its units must know."""

import json
from typing import Any

from tfrecords import files
from tfrecords.paths import Path, open_path

FILE = "plan.json"


def save(directory: Path, values: dict[str, Any]) -> str:
    """Writes a plan; returns the name of its file."""
    files.write_json(directory / FILE, values)
    return FILE


def load(plan: str) -> tuple[Path, dict[str, Any]]:
    """Reads the plan in a directory; returns the directory, too."""
    directory = open_path(plan)
    return directory, json.loads((directory / FILE).read_text("utf-8"))
