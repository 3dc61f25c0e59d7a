"""The stacks of `--stacks`: finished `cls` records, or a file of vectors."""

import collections
import dataclasses
import os

import numpy as np
from absl import logging

from text2image.corpora import vector_files
from text2image.corpora.bad_rows import Tally
from text2image.corpora.examples import Corpus
from text2image.corpora.rows import Fault
from text2image.corpora.sides import SIDES
from text2image.corpora.spans import WHOLE
from text2image.corpora.split import Split
from text2image.corpora.vector_files import VectorFile
from tfrecords import files, paths, reader, schema, stacks_flags
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import (
    audit_log,
    copying,
    corpus_survey,
    dealing,
    encoded_records,
    map_checks,
    record_sets,
)
from tfrecords.stages.encoded_records import Target
from tfrecords.units import plans
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Unit
from tfrecords.versions import installed_versions


def prepare_stacks(settings: RecordsConfig, runner: Runner = LOCAL) -> Path:
    """Finds the `cls` records that `--stacks` names, or makes them.

    Args:
        settings: Names the stacks; split and selection of a file of vectors.
        runner: What makes the shards.

    Returns:
        The directory of the `cls` records.

    Raises:
        FileNotFoundError: If there are no such records, or no such file.
        ValueError: If they are damaged, hold no stacks, or no map of such
            stacks can be fitted.
    """
    if not vector_files.is_vector_file(settings.stacks):
        return _find(settings)
    typed = settings.stacks
    # Workers may have another working directory.
    settings = dataclasses.replace(settings, stacks=os.path.abspath(typed))
    # Another build in this process may have read another file of this name.
    vector_files.open_vectors.cache_clear()
    file = vector_files.open_vectors(settings.stacks)
    map_checks.check_map_settings(settings, file.stack_shape)
    source = vector_files.open_corpus(file)
    target = _locate(settings, source)
    manifest = record_sets.existing(target.directory, target.provenance)
    if manifest:
        logging.info("stacks: reusing %s", target.directory)
        audit_log.log_texts(manifest.details["audit"], "row")
    else:
        logging.info("stacks: making %s", target.directory)
        _make(settings, typed, source, target, runner)
    return target.directory


def _find(settings: RecordsConfig) -> Path:
    directory = paths.open_path(settings.stacks)
    if not (directory / schema.MANIFEST).is_file():
        versioned = directory / schema.VERSION
        if not (versioned / schema.MANIFEST).is_file():
            raise FileNotFoundError(
                f"--stacks={settings.stacks} must be a directory of finished "
                "cls records, with a manifest.json, or an .npz or .parquet "
                "file. Received: neither. Name records/cls/NAME/"
                f"{schema.VERSION} of a build, or such a file."
            )
        directory = versioned
    manifest = reader.open_records(directory, kind="cls")
    map_checks.check_map_settings(settings, manifest.schema.shape)
    logging.info("stacks: using %s", directory)
    audit_log.log_texts(manifest.details["audit"])
    return directory


def _locate(settings: RecordsConfig, source: Corpus) -> Target:
    provenance = {
        "kind": "cls",
        "corpus": source.name,
        "corpus_sha256": source.sha256,
        "made_from": "vectors",
        **record_sets.pick(settings, stacks_flags.SETTINGS),
    }
    directory = record_sets.directory(settings, "cls", source.name, provenance)
    return Target(directory, provenance, "")


def _make(
    settings: RecordsConfig,
    typed: str,
    source: Corpus,
    target: Target,
    runner: Runner,
) -> None:
    file = vector_files.open_vectors(settings.stacks)
    is_hashed = dealing.is_hashed(settings, source)
    parts = None
    if not is_hashed:
        parts = dealing.split(settings, source)  # refuses before it writes
    with UnfinishedSet(target.directory, target.provenance) as unfinished:
        directory = unfinished.working_directory
        if parts is None:
            shards = dealing.by_hash(settings, source, unfinished, runner)
            split, units = shards.split, shards.units
        else:
            split, units = parts, _deal(settings, file, parts, unfinished)
        audit_log.log_texts(split.audit, "row")
        audit_log.log_faults(split.faults, target.directory)
        record_schema = schema.cls_schema(file.stack_shape, split.label_names)
        record_sets.check_space(
            settings,
            target.directory,
            sum(unit.size for unit in units),
            record_schema,
        )
        _list_faults(file, unfinished, split.faults)
        plan = copying.Plan(
            dataclasses.asdict(settings),
            split.label_names,
            split.label_index,
            is_hashed,
        )
        plans.save(directory, dataclasses.asdict(plan))
        collections.deque(
            run(copying.Copying(directory, plan), units, runner), 0
        )
        unfinished.publish(
            record_schema,
            collections.Counter(unit.key[0] for unit in units),
            f"Stacks {file.stack_shape} of {source.name}.",
            {
                "audit": split.audit,
                "vectors": typed,
                "layers": list(range(file.stack_shape[0])),
                "versions": installed_versions(*record_sets.LIBRARIES),
            },
        )


def _list_faults(
    file: VectorFile, unfinished: UnfinishedSet, faults: Tally
) -> None:
    """Reads the file again for the rows that are dropped."""
    if not faults.causes or encoded_records.DROPPED in unfinished.files:
        return
    with encoded_records.dropped_rows(unfinished, faults) as on_fault:
        for item in vector_files.read(file, WHOLE):
            if isinstance(item, Fault):
                on_fault(item)


def _deal(
    settings: RecordsConfig,
    file: VectorFile,
    parts: Split,
    unfinished: UnfinishedSet,
) -> list[Unit]:
    """Writes the side of every row; a shard is a side of a range."""
    side = parts.side
    if file.has_parts:
        # The split read the rows part by part.
        order = np.argsort(vector_files.part_of_row(file), kind="stable")
        side = np.empty_like(parts.side)
        side[order] = parts.side
    if copying.SIDES not in unfinished.temporary:
        path = unfinished.working_directory / copying.SIDES
        files.write_bytes(path, side.tobytes())
        unfinished.keep_files((copying.SIDES,), until_published=True)
    pieces = corpus_survey.cut(settings)
    sides = [
        side[first : first + (piece.span.lines or 0)]
        for piece in pieces
        for first in (piece.span.first - 1,)
    ]
    sizes = {
        name: [int((rows == number).sum()) for rows in sides]
        for number, name in enumerate(SIDES)
    }
    return dealing.units_of_ranges(pieces, sizes)
