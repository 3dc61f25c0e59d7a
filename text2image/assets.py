"""Files that are shipped with the package, verified before use."""

import importlib.resources
import pathlib

from text2image import hashes

# Sha256 of each file. `data/DEMO_REVIEWS.md` and `data/MINI_ENCODER.md`
# describe them; `tools/write_characters.py` writes the facts on characters.
CHARACTERS = {
    "data/characters.json": (
        "5878d704c316223161597b5cae59bb8a4af26d5b731ec054f7e9393fe324fa05"
    ),
}
DEMO_REVIEWS = {
    "data/demo_reviews.jsonl": (
        "60997e7952f8cd4db1c8fa054dce187a55a57acfae032e40da2b6f38a2960363"
    ),
}
MINI_ENCODER = {
    "data/mini_encoder/assets/tokenizer/vocabulary.txt": (
        "7e588482afe2662be9c0be4d3e515c1c0c915d6cd4d4ec0ca26b3765d41f6236"
    ),
    "data/mini_encoder/config.json": (
        "524bcb565290dbca9ff991a62f087c0f7a2d2a3d57a617d8796a56341ab72352"
    ),
    "data/mini_encoder/metadata.json": (
        "d7912bdddfdc5a23ba52060610a8edd1c256bf70e7b2ca529b45f2ebbe735e79"
    ),
    "data/mini_encoder/model.weights.h5": (
        "dffa5022251f200866cc533f74fb2622411b0298d69ad2fd10260a2a1e11892f"
    ),
    "data/mini_encoder/tokenizer.json": (
        "079fb3bad326b1ad3eca1c99e10dc8d0342d0c186aa1da6c679e38555b4c4870"
    ),
}


def characters() -> pathlib.Path:
    """Returns the verified file of facts on characters; see `verified`."""
    (path,) = verified("text2image", CHARACTERS)
    return path


def demo_reviews() -> pathlib.Path:
    """Returns the verified file of the demo reviews; see `verified`."""
    (path,) = verified("text2image", DEMO_REVIEWS)
    return path


def mini_encoder() -> pathlib.Path:
    """Returns the verified directory of the mini encoder; see `verified`."""
    verified("text2image", MINI_ENCODER)
    return _root_of("text2image") / "data/mini_encoder"


def verified(package: str, files: dict[str, str]) -> list[pathlib.Path]:
    """Finds files of a package and checks that nothing changed them.

    Args:
        package: Name of the importable package that contains them.
        files: Path within the package to sha256.

    Returns:
        The paths of the files, in the same order.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file was altered.
    """
    paths = []
    for name, sha256 in files.items():
        path = _root_of(package) / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} comes with the package and is missing. {_CURE}"
            )
        received = hashes.sha256_of_file(path)
        if received != sha256:
            raise ValueError(
                f"{path} comes with the package and must have the sha256 "
                f"{sha256}. Received: {received}. It was altered. {_CURE}"
            )
        paths.append(path)
    return paths


_CURE = "Install the package again: pip install --force-reinstall --no-deps ."


def _root_of(package: str) -> pathlib.Path:
    # Always a directory: setuptools never installs a zip file.
    return pathlib.Path(str(importlib.resources.files(package)))
