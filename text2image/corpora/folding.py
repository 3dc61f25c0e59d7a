"""When texts are equal: after case folding, blanks apart."""

import hashlib

DIGEST_SIZE = 16  # bytes; a pair among 10^10 texts agrees with p = 10^-19


def fold(text: str) -> str:
    """Folds case, and every run of white space to one space."""
    return " ".join(text.casefold().split())


def digest_of(text: str) -> bytes:
    """16 bytes by which equal texts are found: BLAKE2b of the folded text."""
    return hashlib.blake2b(
        fold(text).encode("utf-8"), digest_size=DIGEST_SIZE
    ).digest()
