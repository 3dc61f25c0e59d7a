"""The directory of a vote: the runs of several maps, and what says so."""

import hashlib
import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from trainers.runs.workdir import (
    CONFIG_FILE,
    MODEL_SHA256,
    RECORDS_FINGERPRINT,
    read_metrics,
)

# Key of config.json, that only a vote's has, and of metrics.json.
MEMBERS = "members"
# Of metrics.json: a vote has no file of weights for `MODEL_SHA256`.
MEMBERS_SHA256 = "members_sha256"


def member_directories(workdir: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """Returns the runs of a vote; none if the directory is no vote's."""
    try:
        claim = json.loads((workdir / CONFIG_FILE).read_text("utf-8"))
        names = tuple(claim["config"][MEMBERS])
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # there is none, or who reads it says what is wrong with it
    return tuple(workdir / name for name in names)


def refuse(workdir: pathlib.Path, purpose: str) -> None:
    """Refuses a vote where a run of one map is needed.

    Args:
        workdir: Directory of a run or a vote.
        purpose: What needs it, as the subject of a sentence.

    Raises:
        ValueError: If it is a vote's; names its runs.
    """
    members = member_directories(workdir)
    if members:
        raise ValueError(
            f"{purpose} needs a run of one map. Received: {workdir}, a vote of "
            f"{len(members)} maps. Name one of its runs: "
            f"{', '.join(map(str, members))}."
        )


def sha256_of(metrics: Iterable[Mapping[str, Any]]) -> str:
    """Returns one hash for the models of several runs, in their order.

    Args:
        metrics: Contents of the metrics.json of each.
    """
    hashes = " ".join(each[MODEL_SHA256] for each in metrics)
    return hashlib.sha256(hashes.encode()).hexdigest()


def read(workdir: pathlib.Path) -> dict[str, Any]:
    """Reads metrics.json of a finished vote, with the hash of its models.

    Raises:
        FileNotFoundError: If the vote is not finished.
        ValueError: If the file is damaged.
    """
    metrics = read_metrics(workdir, (MEMBERS_SHA256, RECORDS_FINGERPRINT))
    return {**metrics, MODEL_SHA256: metrics[MEMBERS_SHA256]}
