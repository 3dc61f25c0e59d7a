"""What benchmarks print: versions, tables, rounded numbers."""

import importlib.metadata
import math
import os
from collections.abc import Sequence

from tfrecords.versions import installed_versions
from trainers.reports import markdown

_OURS = ("tensorflow", "keras", "keras-hub", "numpy")


def print_versions(*peers: str) -> None:
    """Prints versions of our libraries and of peers, and the machine's load.

    Args:
        *peers: Names of distributions; one may be missing.
    """
    print(", ".join(_version(name) for name in (*_OURS, *peers)))
    print(f"load before the start: {os.getloadavg()[0]:.1f}\n", flush=True)


def _version(name: str) -> str:
    try:
        return f"{name} {installed_versions(name)[name]}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} not installed"


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Prints Markdown; numbers that are missing become a dash."""
    for line in markdown.table(
        header, [[_shown(value) for value in row] for row in rows]
    ):
        print(line)
    print(flush=True)


def _shown(value: object) -> object:
    return "-" if isinstance(value, float) and math.isnan(value) else value


def ratio(dividend: float, divisor: float) -> object:
    """`dividend / divisor` with two digits; NaN stays."""
    value = dividend / divisor
    return value if math.isnan(value) else f"{value:.2f}"


def number(value: float, digits: int = 1) -> object:
    """A rounded number; NaN stays."""
    return value if math.isnan(value) else f"{value:,.{digits}f}"
