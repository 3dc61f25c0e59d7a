"""What is wrong with a tuned encoder on disk. Imports nothing heavy."""

import json
import pathlib

from text2image import hashes
from text2image.bert.headers import TUNING


def find_faults(directory: pathlib.Path) -> list[str]:
    """Lists the faults of a tuned encoder; an empty list means none.

    Args:
        directory: Holds `tuning.json`.
    """
    try:
        tuning = json.loads((directory / TUNING).read_text("utf-8"))
        listed = dict(tuning["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{TUNING}: damaged ({error!r})"]
    faults = []
    for name, sha256 in listed.items():
        path = directory / name
        if not path.is_file():
            faults.append(f"{name}: missing")
        elif hashes.sha256_of_file(path) != sha256:
            faults.append(f"{name}: changed since it was written")
    return faults
