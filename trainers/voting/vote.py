"""Trains a run per map and takes their vote."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfrecords import build, files
from tfrecords.settings import fingerprint
from trainers import export
from trainers.config import default_workdir
from trainers.experiments.significance import mcnemar
from trainers.runs import json_files, votes
from trainers.runs.file_list import FileList
from trainers.runs.holding import hold
from trainers.runs.predictions import (
    read_predictions,
    read_probabilities,
    write_predictions,
)
from trainers.runs.workdir import (
    CONFIG_FILE,
    PREDICTIONS_FILE,
    RECORDS_FINGERPRINT,
    REPORT_FILE,
    finish,
    read_metrics,
    refuse_changes,
)
from trainers.training.metrics import evaluate
from trainers.voting import report
from trainers.voting.members import Member

_CURE = "Restore it, or name another --workdir."
_TINY = np.finfo(np.float64).tiny


def train_and_vote(
    options: Any,
    members: Sequence[Member],
    train: Callable[..., pathlib.Path],
    *,
    runs_dir: str = "runs",
) -> pathlib.Path:
    """Makes what is missing: the runs, their vote, its report and export.

    Stacks are made once, and a finished run is reused. The vote itself takes
    no time and is taken again.

    Args:
        options: The `RunOptions`: `workdir` is that of the vote, `baselines`
            are fitted for its first run, `export` is of the vote.
        members: The runs, at least two.
        train: `trainers.run.train_and_report`.
        runs_dir: Directory of the vote, if `options` name none.

    Returns:
        The vote's directory; each run is in a directory below it.

    Raises:
        ValueError: If the directory holds another vote, or a run.
        As `train`.
    """
    workdir = pathlib.Path(
        options.workdir or _default_workdir(members, runs_dir)
    )
    with hold(workdir):
        _claim(workdir, members)
        for number, member in enumerate(members):
            logging.info(
                "vote: map %d of %d, %s", number + 1, len(members), member.name
            )
            train(
                dataclasses.replace(
                    options,
                    workdir=str(workdir / member.name),
                    baselines=options.baselines and not number,
                    export=False,
                ),
                member.train,
                member.records,
            )
        metrics = take(workdir)
        report.write(workdir, metrics)
        if options.export:
            export.export_finished(workdir, encoder=_encoder(members[0]))
    logging.info(
        "vote of %d maps: accuracy %.4f on %d validation texts, the first map "
        "alone %.4f (p = %.2g); see %s",
        len(members),
        metrics["accuracy"],
        metrics["num_validation"],
        metrics[votes.MEMBERS][0]["accuracy"],
        metrics["against_first"]["p_value"],
        workdir / REPORT_FILE,
    )
    return workdir


def take(workdir: pathlib.Path) -> dict[str, Any]:
    """Takes the vote of finished runs; writes predictions and metrics.

    The probabilities of a class are the means of those in the runs'
    predictions.csv.

    Args:
        workdir: Directory of the vote.

    Returns:
        The contents of metrics.json.

    Raises:
        FileNotFoundError: If a run is not finished.
        ValueError: If a file is damaged, or the runs predicted different
            texts.
    """
    directories = votes.member_directories(workdir)
    runs = [read_metrics(directory) for directory in directories]
    predictions = [read_predictions(directory) for directory in directories]
    probabilities = [read_probabilities(directory) for directory in directories]
    ids = list(predictions[0])
    if any(list(each) != ids for each in predictions):
        raise ValueError(
            f"The runs in {workdir} must have predicted the same texts in the "
            "same order. Received: different ids. Delete the directory of the "
            "run that does not belong there."
        )
    names = runs[0]["label_names"]
    number = {name: index for index, name in enumerate(names)}
    labels = np.array([number[label] for label, _ in predictions[0].values()])
    rows = np.array([list(each.values()) for each in probabilities], np.float64)
    mean = rows.mean(axis=0)
    write_predictions(workdir, names, ids, labels, mean)
    right = rows.argmax(axis=2) == labels
    vote_right = mean.argmax(axis=1) == labels
    best = int(right.sum(axis=1).argmax())
    figures = ("accuracy", "macro_f1", "loss", "calibration_error")
    metrics = {
        **evaluate(np.log(np.maximum(mean, _TINY)), labels),
        "num_train": runs[0]["num_train"],
        "num_validation": len(ids),
        "label_names": names,
        "backbone": runs[0]["backbone"],
        votes.MEMBERS: [
            {"name": path.name, **{figure: run[figure] for figure in figures}}
            for path, run in zip(directories, runs, strict=True)
        ],
        "all_agree": float(
            (rows.argmax(axis=2) == rows[0].argmax(axis=1)).all(axis=0).mean()
        ),
        "best_member": directories[best].name,
        "against_first": dataclasses.asdict(mcnemar(vote_right, right[0])),
        "against_best": dataclasses.asdict(mcnemar(vote_right, right[best])),
        votes.MEMBERS_SHA256: votes.sha256_of(runs),
        RECORDS_FINGERPRINT: fingerprint(
            {votes.MEMBERS: [run[RECORDS_FINGERPRINT] for run in runs]}
        ),
    }
    finish(workdir, (CONFIG_FILE, PREDICTIONS_FILE), metrics)
    return metrics


def _default_workdir(members: Sequence[Member], runs_dir: str) -> str:
    """Names the directory after that of the first run and all runs' names."""
    names = []
    for member in members:
        _, image_dir = build.prepare_records(member.records)
        config = member.train.on_records(image_dir)
        names.append(default_workdir(config, runs_dir))
    first, _, _ = names[0].rpartition("-")
    return f"{first}-maps{len(names)}-{fingerprint({'runs': names})[:8]}"


def _claim(workdir: pathlib.Path, members: Sequence[Member]) -> None:
    """Writes config.json, or checks that it is of the same vote."""
    first = members[0]
    config = {
        "dataset": first.records.dataset,
        "backbone": first.train.backbone,
        votes.MEMBERS: {
            member.name: member.different_settings for member in members
        },
    }
    path = workdir / CONFIG_FILE
    if not path.is_file():
        files.write_json(path, {"config": config})
        FileList.of_run(workdir).record((CONFIG_FILE,))
        return
    earlier = json_files.read(path, ("config",), cure=_CURE)["config"]
    now = json.loads(json.dumps(config))
    refuse_changes(workdir, earlier, now, may_differ=("dataset",))


def _encoder(member: Member) -> str | None:
    # Records given by name know their own encoder.
    return None if member.records.stacks else member.records.encoder
