"""Which settings and texts a directory of `--preset=best` belongs to."""

import dataclasses
import pathlib
import re

from tfrecords import files
from tfrecords.config import RecordsConfig, without_added_later
from tfrecords.settings import fingerprint
from trainers.config import TrainConfig
from trainers.runs import json_files
from trainers.runs.file_list import FileList
from trainers.runs.workdir import (
    CONFIG_FILE,
    RECORDS_FINGERPRINT,
    refuse_changes,
)
from trainers.selection.texts import Texts

_MOST_NAME = 150  # characters
# Settings that change no result; the fingerprint identifies the texts.
_MAY_DIFFER = ("dataset", "data_dir", "download", "records_dir", "cache_gb")


def default_workdir(
    minutes: float, config: TrainConfig, records: RecordsConfig
) -> str:
    """Names the directory of a run after corpus and settings."""
    settings = {
        "minutes": minutes,
        **without_added_later(dataclasses.asdict(records)),
        **config.naming_settings,
    }
    for name in _MAY_DIFFER[1:]:
        settings.pop(name)
    corpus = re.sub(
        r"[^a-z0-9]+", "_", pathlib.Path(records.dataset).stem.lower()
    )
    name = corpus.strip("_")[:_MOST_NAME] or "data"
    return f"runs/{name}-best-{fingerprint(settings)[:8]}"


def claim(
    minutes: float,
    config: TrainConfig,
    records: RecordsConfig,
    texts: Texts,
    workdir: pathlib.Path,
) -> None:
    """Writes config.json, or compares it with that of an earlier try."""
    settings = {
        "minutes": minutes,
        **dataclasses.asdict(records),
        **dataclasses.asdict(config),
    }
    path = workdir / CONFIG_FILE
    listed = FileList.of_run(workdir)
    listed.remove_if_damaged()
    if path.is_file():
        cure = "Restore it, or name another --workdir."
        earlier = json_files.read(
            path, ("config", RECORDS_FINGERPRINT), cure=cure
        )
        corpus = "fingerprint of the texts"
        defaults = {
            **dataclasses.asdict(RecordsConfig()),
            **dataclasses.asdict(TrainConfig()),
        }
        refuse_changes(
            workdir,
            {
                **defaults,
                **earlier["config"],
                corpus: earlier[RECORDS_FINGERPRINT],
            },
            {**settings, corpus: texts.fingerprint},
            may_differ=_MAY_DIFFER,
        )
    else:
        claim = {
            "config": settings,
            RECORDS_FINGERPRINT: texts.fingerprint,
        }
        files.write_json(path, claim)
    listed.record((CONFIG_FILE,))
