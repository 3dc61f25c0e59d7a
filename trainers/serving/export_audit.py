"""Every fault of an export's files, of all versions and their cores."""

import pathlib

from trainers.serving import saved_model, versions


def is_export(directory: pathlib.Path) -> bool:
    """Whether a directory is a version, or holds versions."""
    is_version = (directory / saved_model.MODEL_FILE).is_file()
    return is_version or bool(versions.numbers(directory))


def find_faults(directory: pathlib.Path) -> list[str]:
    """Lists the faults of an export; an empty list means none, or no export.

    Args:
        directory: A version, or the directory of the versions.
    """
    found = [
        directory,
        *(
            out / str(number)
            for out in (directory, directory / versions.CORE)
            for number in versions.numbers(out)
        ),
    ]
    if not (directory / saved_model.MODEL_FILE).is_file():
        del found[0]
    return [
        f"{version.relative_to(directory.parent)}/{fault}"
        for version in found
        for fault in saved_model.find_faults(version, hash_all=True)
    ]
