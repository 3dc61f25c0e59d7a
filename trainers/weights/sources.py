"""Legal values of `--weights`, checked before TensorFlow is imported."""

import pathlib
from collections.abc import Sequence

# Values of `--weights` that are not a file.
NAMES = ("imagenet", "cifar10", "random")
_SUFFIXES = (".npz", ".safetensors", ".h5")


def check_source(source: str, names: Sequence[str] = NAMES) -> None:
    """Refuses weights that cannot be loaded, before any long work.

    Args:
        source: Value of `--weights`.
        names: Values that are not a file.

    Raises:
        FileNotFoundError: If `source` is the path of a file that is missing.
        ValueError: If it is neither a name nor ends in a known extension.
    """
    if source in names:
        return
    known = ", ".join(f"`{name}`" for name in names)
    expected = (
        f"`weights` must be {known} or the path of a .npz, .safetensors or "
        f".h5 file. Received: {source!r}"
    )
    path = pathlib.Path(source)
    if path.suffix not in _SUFFIXES:
        raise ValueError(expected)
    if not path.is_file():
        raise FileNotFoundError(f"{expected}, which is not a file.")
