"""Recognises what people have in the place of a large file.

A large file's name may hold something small: nothing, the page of a login, or
the pointer that Git LFS leaves in a clone.
"""

import pathlib

_HEAD_BYTES = 512
_MARKUP = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<!--")


def refuse_stand_in(path: pathlib.Path) -> None:
    """Refuses a file that is not the one its name promises.

    Args:
        path: A file that should hold weights.

    Raises:
        ValueError: If it is empty, a web page or a Git LFS pointer; says how
            to get the real file.
        OSError: If it cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        reason = "it is empty (0 bytes). Fetch it again"
    elif head.startswith(b"version https://git-lfs"):
        reason = (
            "it is a Git LFS pointer of a few lines. Run `git lfs pull` in its "
            "repository, or download the file itself"
        )
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        reason = (
            "it is a web page, such as that of a login or of an error. "
            "Download the file itself, by its direct address"
        )
    else:
        return
    raise ValueError(
        f"Expected a whole file. Received: {path}, which cannot be read: "
        f"{reason}."
    )
