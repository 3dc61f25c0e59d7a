"""The number of processor cores at hand."""

import os


def count() -> int:
    """Counts the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
