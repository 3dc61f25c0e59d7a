"""The split that needs no index: a text's side is a hash of the text.

    side = hashed.side_of(text, seed)   # TRAIN or VALIDATION

Equal texts are on one side by construction. Sides have their shares within
sampling error: of N different texts, a side of share p has N p of them with the
standard deviation sqrt(N p (1 - p)): 4,000 +- 57 of 20,000 for p = 0.2.
"""

import hashlib
from collections.abc import Mapping

from text2image.corpora import folding
from text2image.corpora.sides import SHARES, TRAIN

_SIZE = 8  # bytes of the hash that is compared with the shares


def side_of(text: str, seed: int, shares: Mapping[int, float] = SHARES) -> int:
    """The side of a text.

    Args:
        text: The text; case and runs of white space do not matter.
        seed: Seed of the split.
        shares: Side to its share; the rest is `TRAIN`.
    """
    return side_of_digest(folding.digest_of(text), seed, shares)


def side_of_digest(
    digest: bytes, seed: int, shares: Mapping[int, float] = SHARES
) -> int:
    """The side of the text that has a digest; see `side_of`.

    It is the digest's BLAKE2b under the seed as key, as a fraction of its
    range: below the first share it is the first side, and so on.
    """
    keyed = hashlib.blake2b(digest, digest_size=_SIZE, key=str(seed).encode())
    fraction = int.from_bytes(keyed.digest(), "big") / 256**_SIZE
    for side, share in shares.items():
        if fraction < share:
            return side
        fraction -= share
    return TRAIN


def check_limits(protocol: str, limits: Mapping[str, int]) -> None:
    """Refuses limits, which are a draw from an index.

    Args:
        protocol: One of `options.SPLIT_PROTOCOLS`.
        limits: Name of the flag to its value.

    Raises:
        ValueError: If `protocol` is `hashed` and a limit is set.
    """
    for name, limit in limits.items():
        if protocol == "hashed" and limit:
            raise ValueError(
                f"--{name}={limit} draws from an index of all texts. Received: "
                f"--split=hashed, which has none. Omit --{name}, or use "
                "--split=pooled."
            )
