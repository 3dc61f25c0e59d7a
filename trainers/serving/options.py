"""Flags that the programs around a trained model share."""

import dataclasses
import functools
import pathlib

from text2image.corpora.rows import Reading
from text2image.options import QUOTINGS
from tfrecords import files
from tfrecords.command_line import Arguments, Program, Rule, UsageError
from tfrecords.devices import DeviceOptions
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
class BatchingOptions:
    """How an export answers the texts of a request."""

    export_batching: bool = common(
        False,
        "Answer the texts of a request together, in a few fixed shapes, and "
        "write a batching.config for TensorFlow Serving: for servers with a "
        "GPU. By default each text is computed separately, so that its answer "
        "depends on no other.",
    )


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """Which model predicts."""

    workdir: str = common("", "Directory of a finished run.")
    export_dir: str = common("", "Or an export: needs none of the run's files.")
    encoder: str = common(
        "", "Directory of the run's encoder, if it is no longer where it was."
    )


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """How a file with samples is read."""

    encoding: str = common(
        "",
        "Character encoding of a file, such as cp1252. By default UTF-8, or "
        "what a byte-order mark says.",
    )
    delimiter: str = common(
        "",
        "What separates the fields of a file: one character, or comma, tab, "
        "semicolon or pipe. By default as the file's first lines say.",
    )
    quoting: str = common(
        "auto",
        "Quotes inside quoted fields: doubled, escaped by a backslash, or "
        "none: quotes have no meaning. auto: as the file's first lines say.",
        QUOTINGS,
    )
    columns: str = common(
        "", "Names of the columns of a file without a header line."
    )

    @property
    def reading(self) -> Reading:
        """These settings as the readers of files take them."""
        return Reading(**{name: getattr(self, name) for name in FILE_FLAGS})


FILE_FLAGS = tuple(field.name for field in dataclasses.fields(FileOptions))


def export_program(name: str, doc: str | None, *further: type) -> Program:
    """The program of a module that exports one kind of run.

    Args:
        name: What is typed after `python -m`.
        doc: Docstring of the module.
        *further: Settings that this kind has besides.
    """
    return Program(
        name,
        doc,
        settings=(ExportOptions, *further, DeviceOptions),
        resumes=False,
    )


def check_export(arguments: Arguments) -> None:
    """Refuses an export of no run, or to where none can be.

    Raises:
        UsageError: If no run is named.
        OSError: If `out` is a file, or cannot be written.
    """
    options = arguments.settings(ExportOptions)
    if not options.workdir:
        raise UsageError("Expected --workdir=RUN. Received: none.")
    if options.out and pathlib.Path(options.out).exists():
        files.make_directory(pathlib.Path(options.out), "out")


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
