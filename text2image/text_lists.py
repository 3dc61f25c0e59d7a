"""Texts that a Python program passes: lists, arrays of numpy, columns."""

from typing import Any


def check_texts(texts: Any) -> list[str]:
    """Returns texts as a list of strings.

    Args:
        texts: N strings: a list, a tuple, an array of numpy, a Series of
            pandas, or any other iterable.

    Raises:
        TypeError: If it is one string, or holds anything but strings.
        ValueError: If it has more than one axis.
    """
    if isinstance(texts, str | bytes):
        raise TypeError(
            "`texts` must be several texts. Received: one string. Put it into "
            "a list: [text]"
        )
    shape = getattr(texts, "shape", None)
    if shape is not None and len(shape) != 1:
        raise ValueError(
            f"`texts` must have one axis. Received: shape={tuple(shape)}. "
            "Select the column of texts, as in frame['text']."
        )
    listed = list(texts)
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(
                f"`texts` must be strings. Received: {text!r} at index "
                f"{number}, of type {type(text).__name__}."
            )
    return [str(text) for text in listed]  # numpy's strings as Python's
