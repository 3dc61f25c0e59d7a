"""All runs below a folder: what each is, what it reached, how it stands."""

import dataclasses
import datetime
import json
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import safetensors

from trainers.config import TrainConfig
from trainers.runs import json_files, votes
from trainers.runs.file_list import FileList
from trainers.runs.workdir import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    RECORDS_FILE,
)

FINISHED = "finished"
_MANIFEST = "manifest.json"
# A setting that only one kind of run has, by kind.
_SIGNS = {
    "best": "minutes",
    "text": "image_records",
    "multimodal": "modalities",
    "im2vec": "permutations",
    "vote": votes.MEMBERS,
}
# Where the settings of the records of a run are, and under which keys.
_PROVENANCE = {
    RECORDS_FILE: ("stacks", "provenance"),
    _MANIFEST: ("provenance",),
}
_COUNTS = ("num_train", "num_validation", "num_held_out", "num_test")
# Of the records, but no settings.
_NO_SETTINGS = ("kind", "cls")
_CURE = "Restore it, or delete the run."


@dataclasses.dataclass(frozen=True)
class ListedRun:
    """A run as a row of a table; `None` is what it does not know.

    Attributes:
        name: Path of its directory below the folder.
        kind: `text`, `vote`, `best`, `multimodal` or `im2vec`; `None` if
            config.json is damaged.
        dataset: Name of its corpus.
        backbone: Its architecture.
        accuracy: On validation; of multimodal runs on the held-out split, of
            im2vec runs the first network's on test.
        macro_f1: On the same examples.
        loss: On the same examples.
        texts: Train and evaluated examples.
        date: When the last of its files was written, to the minute.
        state: `finished`, `unfinished at epoch n`, or `damaged: ` and the
            names of files.
        settings: Settings of the run and of its records.
    """

    name: str
    kind: str | None
    dataset: str | None
    backbone: str | None
    accuracy: float | None
    macro_f1: float | None
    loss: float | None
    texts: int | None
    date: str
    state: str
    settings: Mapping[str, Any]


def find_runs(folder: pathlib.Path) -> Iterator[ListedRun]:
    """Finds the runs in a folder and below it, in the order of their paths."""
    for path in sorted(folder.rglob(CONFIG_FILE)):
        run = _describe(path.parent, folder)
        if run is not None:
            yield run


def different_settings(runs: Iterable[ListedRun]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs, to their values by run.

    A setting that a run does not have is `None`.
    """
    every = [run.settings for run in runs]
    names = sorted({name for settings in every for name in settings})
    values = {
        name: [settings.get(name) for settings in every] for name in names
    }
    return {
        name: row
        for name, row in values.items()
        if any(value != row[0] for value in row)
    }


def _describe(workdir: pathlib.Path, folder: pathlib.Path) -> ListedRun | None:
    """Describes a directory with a config.json; `None` if it is no run's."""
    faults: list[str] = []
    claim = _read(workdir / CONFIG_FILE, faults)
    config = claim.get("config")
    if not isinstance(config, dict):  # perhaps of another program
        config = claim
    kind = next((kind for kind, sign in _SIGNS.items() if sign in config), None)
    files = [workdir / METRICS_FILE, *workdir.rglob(CHECKPOINT_FILE)]
    if kind is None and not (faults and any(path.is_file() for path in files)):
        return None  # such as an encoder's
    metrics = _read(workdir / METRICS_FILE, faults)
    try:
        faults += FileList.of_run(workdir).faults()
    except ValueError:
        faults.append("files.json")
    figures = metrics.get("networks", [metrics])[0]
    counts = [metrics[name] for name in _COUNTS if name in metrics]
    return ListedRun(
        workdir.relative_to(folder).as_posix(),
        kind,
        _dataset(config, metrics),
        config.get("backbone"),
        figures.get("accuracy"),
        figures.get("macro_f1"),
        figures.get("loss"),
        sum(counts) if counts else None,
        _date(workdir),
        _state(workdir, bool(metrics), faults),
        _settings(workdir, config),
    )


def _read(path: pathlib.Path, faults: list[str]) -> dict[str, Any]:
    """Reads a JSON object; an empty one if there is none or it is damaged."""
    try:
        return json_files.read(path, cure=_CURE)
    except FileNotFoundError:
        return {}
    except ValueError:
        faults.append(path.name)
        return {}


def _dataset(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    path = (
        config.get("image_records")
        or config.get("records")
        or metrics.get("dataset")
        or config.get("dataset")
        or ""
    )
    directory = pathlib.PurePath(path)
    name = (
        directory.parent.name if directory.name == "1.0.0" else directory.name
    )
    return re.sub(r"-[0-9a-f]{12}$", "", name)


def _date(workdir: pathlib.Path) -> str:
    times = [
        (workdir / name).stat().st_mtime
        for name in (CONFIG_FILE, CHECKPOINT_FILE, METRICS_FILE)
        if (workdir / name).is_file()
    ]
    moment = datetime.datetime.fromtimestamp(max(times))
    return moment.isoformat(" ", "minutes")


def _state(workdir: pathlib.Path, is_finished: bool, faults: list[str]) -> str:
    epochs = 0
    for path in sorted(workdir.rglob(CHECKPOINT_FILE)):
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                history = json.loads(file.metadata()["metadata"])["history"]
            epochs = len(history)
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError):
            faults.append(path.relative_to(workdir).as_posix())
    if faults:
        return f"damaged: {', '.join(sorted(set(faults)))}"
    return FINISHED if is_finished else f"unfinished at epoch {epochs}"


def _settings(
    workdir: pathlib.Path, config: Mapping[str, Any]
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, keys in _PROVENANCE.items():
        value = _read(workdir / name, [])
        for key in keys:
            settings |= value.get(key) or {}
    settings = {
        name: value
        for name, value in settings.items()
        if name not in _NO_SETTINGS
    }
    if _SIGNS["text"] in config:
        settings |= TrainConfig.ADDED_LATER
    return settings | dict(config)
