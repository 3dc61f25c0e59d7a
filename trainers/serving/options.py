"""Flags that the programs around a trained model share."""

import dataclasses
import functools

from tfrecords.command_line import Arguments, Program, Rule, UsageError
from tfrecords.settings import setting

common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Which run becomes a SavedModel, and where."""

    workdir: str = common("", "Directory of a finished run.")
    out: str = common(
        "", "Directory of the versions. By default `export` in the workdir."
    )
    encoder: str = common(
        "",
        "Directory of the encoder, if it is no longer where it was when the "
        "records were made. Checked by its sha256.",
    )


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """Which model predicts."""

    workdir: str = common("", "Directory of a finished run.")
    export_dir: str = common("", "Or an export: needs none of the run's files.")
    encoder: str = common(
        "", "Directory of the run's encoder, if it is no longer where it was."
    )


def export_program(name: str, doc: str | None) -> Program:
    """The program of a module that exports one kind of run."""
    return Program(name, doc, settings=(ExportOptions,), resumes=False)


def check_export(arguments: Arguments) -> None:
    """Refuses an export of no run.

    Raises:
        UsageError: If no run is named.
    """
    if not arguments.settings(ExportOptions).workdir:
        raise UsageError("Expected --workdir=RUN. Received: none.")


def check_model(model: ModelOptions) -> None:
    """Refuses anything but one model.

    Raises:
        UsageError: If neither or both of run and export are named.
    """
    if bool(model.workdir) == bool(model.export_dir):
        raise UsageError(
            "Expected either --workdir or --export_dir. Received: "
            f"{'both' if model.workdir else 'neither'}."
        )


def ignored_by_export(model: ModelOptions) -> Rule:
    """The flag that an export leaves without effect."""
    return ("encoder",), bool(model.export_dir), "an export holds its encoder"
