"""Versions of installed libraries, for provenance."""

import importlib.metadata


def installed_versions(*names: str) -> dict[str, str]:
    """Returns distribution name to version.

    Raises:
        PackageNotFoundError: If one is not installed.
    """
    return {name: importlib.metadata.version(name) for name in names}
