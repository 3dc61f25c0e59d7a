"""Fields of a row about an image: its file, and its texts."""

import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np


def text_of(value: Any) -> Any:
    """A title or description as a file's row has it, to a string or `None`.

    A number is its text (pandas and spreadsheets make one of the title 501);
    NaN is how pandas writes a missing value. Strings of a list, as tags often
    are, are joined by commas. Everything else stays.
    """
    if isinstance(value, np.ndarray | np.generic):  # of Parquet or TFDS
        value = value.tolist()
    if isinstance(value, list):
        for kind, comma in ((str, ", "), (bytes, b", ")):
            if all(isinstance(each, kind) for each in value):
                return comma.join(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def is_missing(value: Any) -> bool:
    """Whether a row's image field says that it has no image."""
    if isinstance(value, str):
        return not value.strip()
    return text_of(value) is None


def image_reader(folder: pathlib.Path, value: Any) -> Callable[[], bytes]:
    """Makes the function that reads an image.

    Args:
        folder: Directory that a relative path starts from.
        value: The row's field: a path; the encoded image itself; or, as
            Hugging Face's Image feature, a dictionary of `bytes` and `path`.

    Returns:
        A function that returns the encoded image. It raises FileNotFoundError
        if there is no such file, and ValueError if the field names none or
        the file cannot be read.
    """
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return lambda: value
    if is_missing(value):
        return refusing("the sample has no image")
    if not isinstance(value, str):
        return refusing(
            f"the image must be a path. Received: {type(value).__name__}"
        )
    if value.lower().startswith(("http://", "https://", "data:")):
        return refusing(
            f"the image must be a file. Received: {_short(value)}. Download "
            "it, and name the file."
        )
    return lambda: read_file(folder / value)


def read_file(path: pathlib.Path) -> bytes:
    """Reads a file's bytes.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"the image {_short(str(path))} cannot be read ({reason})."
        ) from error


def refusing(message: str) -> Callable[[], bytes]:
    """Makes a function that raises ValueError in place of reading an image."""

    def read() -> bytes:
        raise ValueError(message)

    return read


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
