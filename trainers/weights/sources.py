"""Legal values of `--weights`, checked before TensorFlow is imported."""

import difflib
import os
import pathlib
from collections.abc import Iterable, Sequence

from text2image import file_signatures
from trainers.backbones import get_backbone

# Values of `--weights` that are not a file.
NAMES = ("imagenet", "cifar10", "random")
KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")
TORCH_SUFFIXES = (".pth", ".pt", ".bin")
_SUFFIXES = (".npz", ".safetensors", *KERAS_SUFFIXES, *TORCH_SUFFIXES)


def file_of(source: str) -> pathlib.Path:
    """Returns the path that a value of `--weights` names; `~` is expanded."""
    return pathlib.Path(source).expanduser()


def check_source(source: str, names: Sequence[str] = NAMES) -> None:
    """Refuses weights that cannot be loaded, before any long work.

    Args:
        source: Value of `--weights`.
        names: Values that are not a file.

    Raises:
        FileNotFoundError: If `source` is the path of a file that is missing.
        ValueError: If it is neither a name nor ends in a known extension, or
            the file is empty, a web page or a Git LFS pointer.
    """
    if source in names:
        return
    known = ", ".join(f"`{name}`" for name in names)
    expected = (
        f"`weights` must be {known} or the path of a file that ends in "
        f"{', '.join(_SUFFIXES)}. Received: {source!r}"
    )
    path = file_of(source)
    if path.suffix.lower() not in _SUFFIXES:
        near = difflib.get_close_matches(source.lower(), names, n=1)
        hint = f". Did you mean {near[0]}?" if near else ""
        raise ValueError(expected + hint)
    if not path.is_file():
        raise FileNotFoundError(f"{expected}, which is not a file.")
    file_signatures.refuse_stand_in(path)


def by_backbone(pairs: Iterable[str], used: Iterable[str]) -> dict[str, str]:
    """Reads `--weights_for`: NAME=SOURCE, to backbone and its weights.

    Args:
        pairs: Values of the flag.
        used: Backbones that are built.

    Raises:
        ValueError: If a pair is malformed or names no backbone of these.
    """
    names = list(dict.fromkeys(used))
    weights = {}
    for pair in pairs:
        name, _, source = pair.partition("=")
        if not source:
            raise ValueError(
                f"--weights_for must be NAME=SOURCE. Received: {pair!r}"
            )
        if get_backbone(name).name not in names:
            raise ValueError(
                f"--weights_for must name a backbone that is used: {names}. "
                f"Received: {pair!r}. Omit it, or add the backbone."
            )
        weights[name] = os.path.expanduser(source)
    return weights
