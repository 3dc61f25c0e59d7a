"""What the export of a run, or of a vote, was made from."""

import pathlib
from collections.abc import Sequence
from typing import Any

from trainers.runs import loading, votes
from trainers.runs.provenance import MAP_FILE
from trainers.runs.workdir import MODEL_SHA256, RECORDS_FINGERPRINT
from trainers.serving import saved_model

# Of a vote, the same in all its runs.
_SHARED = ("encoder", "stacks", "label_names", "num_validation")


def describe(
    workdir: pathlib.Path, runs: Sequence[loading.Run]
) -> dict[str, Any]:
    """Describes a model by names and hashes, no paths.

    Args:
        workdir: Directory of the run or vote.
        runs: The run, or those of the vote, each of which is described under
            `members`.
    """
    members = [_describe(run) for run in runs]
    if len(runs) == 1:
        return members[0]
    metrics = votes.read(workdir)
    names = (MODEL_SHA256, RECORDS_FINGERPRINT, "accuracy")
    return {
        **{name: members[0][name] for name in _SHARED},
        **{name: metrics[name] for name in names},
        votes.MEMBERS: members,
    }


def _describe(run: loading.Run) -> dict[str, Any]:
    origin = run.origin
    return {
        **saved_model.describe(
            run.config,
            run.metrics,
            records_fingerprint=origin.fingerprint,
            encoder=origin.encoder or {},
            label_names=origin.label_names,
        ),
        "image_records": origin.provenance,
        "stacks": origin.stacks,
        "map_sha256": origin.files[MAP_FILE],
        "num_validation": run.metrics["num_validation"],
    }
