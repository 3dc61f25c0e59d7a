"""Ways in which a disk damages a file."""

from collections.abc import Callable


def flip(content: bytes, place: float = 0.5) -> bytes:
    """Flips the lowest bit of the byte at a place from 0 to 1."""
    at = min(int(place * len(content)), len(content) - 1)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


# Name to function of the content; `None` for a file that is gone.
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "flipped": flip,
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "doubled": lambda content: content * 2,
    "deleted": lambda content: None,
}


def damage(path, name):
    """Damages a file; returns what it held."""
    content = path.read_bytes()
    damaged = DAMAGES[name](content)
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(damaged)
    return content
