"""Every fault of a run's directory that can be known without training."""

import pathlib

from tfrecords import schema
from trainers.runs import checkpoints, finished, json_files
from trainers.runs.file_list import FILE, FileList
from trainers.runs.provenance import Origin
from trainers.runs.workdir import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    MODEL_FILE,
    MODEL_SHA256,
    RECORDS_FILE,
    is_finished,
    read_metrics,
)

_CURE = "Restore it, or name another directory."


def find_faults(workdir: pathlib.Path) -> list[str]:
    """Lists the faults of a run, finished or not; an empty list means none.

    Args:
        workdir: Directory of a run of any kind.
    """
    faults: dict[str, str] = {}
    # Im2Vec has a list of its decoded images, too.
    for path in [*workdir.glob(FILE), *workdir.glob(f"*/{FILE}")]:
        listed = FileList.of_run(path.parent)
        folder = path.parent.relative_to(workdir)
        try:
            for name, fault in listed.faults(hash_all=True).items():
                faults[(folder / name).as_posix()] = fault
        except ValueError as error:
            faults[(folder / FILE).as_posix()] = str(error)
    for path in sorted(workdir.rglob(CHECKPOINT_FILE)):
        damage = checkpoints.find_fault(path)
        if damage:
            faults[path.relative_to(workdir).as_posix()] = damage
    if not is_finished(workdir):
        faults[METRICS_FILE] = "missing: not a finished run"
    return [f"{name}: {fault}" for name, fault in faults.items()] + [
        str(error) for error in _contradictions(workdir, faults)
    ]


def _contradictions(
    workdir: pathlib.Path, faulty: dict[str, str]
) -> list[Exception]:
    """Faults of files that say what others must be, if they are whole."""

    def read_claim() -> None:
        json_files.read(workdir / CONFIG_FILE, cure=_CURE)

    def read_records() -> None:
        if (workdir / RECORDS_FILE).is_file():
            Origin.load(workdir)
        elif (workdir / schema.MANIFEST).is_file():
            schema.Manifest.load(workdir)

    def read_model() -> None:
        metrics = read_metrics(workdir)
        if MODEL_SHA256 in metrics or (workdir / MODEL_FILE).exists():
            finished.check_model(
                workdir, read_metrics(workdir, (MODEL_SHA256,))
            )

    errors: list[Exception] = []
    for names, read in (
        ((CONFIG_FILE,), read_claim),
        ((RECORDS_FILE, schema.MANIFEST), read_records),
        ((METRICS_FILE, MODEL_FILE), read_model),
    ):
        if not set(names) & set(faulty):
            try:
                read()
            except (OSError, ValueError) as error:
                errors.append(error)
    return errors
