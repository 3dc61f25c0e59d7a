"""Shared by stages that encode a corpus: where, with what, in which shards."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from text2image import devices
from text2image.bert import checkpoint, computing
from text2image.bert.encoder import Encoder
from text2image.corpora import bad_rows
from text2image.corpora.classes import Selection
from text2image.corpora.examples import Corpus, usable
from text2image.corpora.rows import Fault
from text2image.corpora.split import Split
from tfrecords import files, schema
from tfrecords.config import RecordsConfig
from tfrecords.stages import map_checks, record_sets
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.versions import installed_versions

DROPPED = "dropped.csv"


@dataclasses.dataclass(frozen=True)
class Target:
    """A set of encoded records, whether it exists or not.

    Attributes:
        directory: `<...>/<kind>/<config>/<version>`.
        provenance: What the records depend on.
        encoder_path: Directory or preset name of the encoder.
    """

    directory: pathlib.Path
    provenance: dict[str, Any]
    encoder_path: str


def resolve(settings: RecordsConfig) -> RecordsConfig:
    """Replaces what the device decides about the encoder by its decision.

    Raises:
        ValueError: If the engine is not installed or does not run there.
    """
    resolved = computing.resolve(
        settings.encoder_engine,
        settings.encoder_dtype,
        settings.tokens_per_batch,
        hidden_dim=computing.hidden_dim(checkpoint.locate(settings.encoder)),
    )
    return dataclasses.replace(
        settings,
        encoder_engine=resolved.engine,
        encoder_dtype=resolved.dtype,
        tokens_per_batch=resolved.tokens_per_batch,
    )


def locate(
    settings: RecordsConfig,
    kind: str,
    source: Corpus,
    chosen: dict[str, Any],
) -> Target:
    """Derives name and provenance of the records of a corpus.

    Args:
        settings: Resolved; names the encoder and `records_dir`.
        kind: Kind of the records.
        source: The corpus.
        chosen: What the records depend on besides corpus and encoder.
    """
    encoder_path = checkpoint.locate(settings.encoder)
    provenance = {
        "kind": kind,
        "corpus": source.name,
        "corpus_sha256": source.sha256,
        "encoder_sha256": checkpoint.identify(encoder_path),
        **chosen,
    }
    if devices.has_gpu():
        provenance["encoder_device"] = "gpu"
    # Other ids than 0.1.0 gave make other stacks.
    tokenizer = checkpoint.identify_tokenizer(encoder_path)
    if tokenizer:
        provenance["tokenizer"] = tokenizer
    encoder_name = pathlib.PurePath(settings.encoder).name
    name = f"{source.name}-{encoder_name}"
    directory = record_sets.directory(settings, kind, name, provenance)
    return Target(directory, provenance, encoder_path)


def check_encoder(
    settings: RecordsConfig, target: Target, layers: str, pooling: str
) -> tuple[int, int] | None:
    """As `map_checks.check_encoder`, once the encoder is located.

    `None` if only loading it can tell: a preset that is known by name.
    """
    directory = pathlib.Path(target.encoder_path)
    if not directory.is_dir():
        return None
    return map_checks.stack_shape(settings, directory, layers, pooling)


def selection(settings: RecordsConfig) -> Selection:
    """Returns which rows of a corpus are used, and under which class."""
    return Selection(
        **{
            field.name: getattr(settings, field.name)
            for field in dataclasses.fields(Selection)
        }
    )


def build_encoder(
    settings: RecordsConfig,
    encoder_path: str,
    *,
    compiled: bool | None = None,
) -> Encoder:
    """Loads the encoder; `settings` are resolved."""
    return Encoder(
        encoder_path,
        layers=settings.layers,
        max_tokens=settings.max_tokens,
        tokens_per_batch=settings.tokens_per_batch,
        pooling=settings.pooling,
        long_texts=settings.long_texts,
        clean=settings.clean,
        dtype=settings.encoder_dtype,
        engine=settings.encoder_engine,
        compiled=compiled,
    )


def count_shards(settings: RecordsConfig, parts: Split) -> dict[str, int]:
    """Returns the number of shards of every split that has examples."""
    size = settings.examples_per_shard
    return {
        name: -(-count // size) for name, count in count_examples(parts).items()
    }


@contextlib.contextmanager
def dropped_rows(
    records: UnfinishedSet, faults: bad_rows.Tally
) -> Iterator[Callable[[Fault], object]]:
    """Lists the rows that are dropped in a file of the set, if there are any.

    Yields:
        What writes a row to the file, for `deal_shards`. The file belongs to
        the set once the context ends without an error.
    """
    if not faults.causes:
        yield lambda fault: None
        return
    path = records.working_directory / DROPPED
    temporary = files.writing(path)
    with temporary.open("w", encoding="utf-8", newline="") as stream:
        yield bad_rows.writer_of_dropped(stream)
    files.publish(temporary, path)
    records.keep_files((DROPPED,))


def common_details(
    target: Target, audit: dict[str, Any], bert: Encoder
) -> dict[str, Any]:
    """Returns what the manifests of all encoded records keep."""
    return {
        "audit": audit,
        "encoder": describe_encoder(
            bert, target.encoder_path, target.provenance
        ),
        "versions": installed_versions(*record_sets.LIBRARIES),
    }


def describe_encoder(
    bert: Encoder, path: str, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Returns what export and prediction need to find an encoder again."""
    directory = pathlib.Path(path)
    tuning = checkpoint.read_tuning(path)
    tokenizer = provenance.get("tokenizer")
    return {
        **({"tokenizer": tokenizer} if tokenizer else {}),
        **({"tuned": tuning} if tuning else {}),
        # A preset's name stays as it is.
        "source": str(directory.resolve()) if directory.is_dir() else path,
        "sha256": provenance["encoder_sha256"],
        "layers": bert.layers,
        "max_tokens": bert.max_tokens,
        "gelu": bert.gelu,
        "pooling": bert.pooling,
        "long_texts": bert.long_texts.kind,
        "clean": bert.clean,
        "dtype": bert.computing.dtype,
        "engine": bert.computing.engine,
        "device": bert.computing.device,
        "tokens_per_batch": bert.computing.tokens_per_batch,
        # None: never prepared.
        "widths": bert.shapes and list(bert.shapes.widths),
    }


def count_examples(parts: Split) -> dict[str, int]:
    """Returns the number of examples of every split that has any."""
    totals = {
        name: int((parts.side == side).sum())
        for side, name in enumerate(schema.SPLITS)
    }
    return {name: count for name, count in totals.items() if count}


def deal_shards(
    source: Corpus,
    parts: Split,
    size: int,
    *,
    on_fault: Callable[[Fault], object] = lambda fault: None,
) -> Iterator[tuple[str, int, list[Any]]]:
    """Deals the corpus out to shards, in the order of its rows.

    Args:
        source: The corpus.
        parts: Split of the corpus.
        size: Examples per shard; the last shard of a split may have fewer.
        on_fault: Called with every row that cannot be used.

    Yields:
        Split, index of the shard within it, and the shard's examples.
    """
    pending: list[list[Any]] = [[] for _ in schema.SPLITS]
    index = [0] * len(schema.SPLITS)
    row = 0
    for read in source.parts.values():
        for item in read():
            side = int(parts.side[row])
            row += 1
            if isinstance(item, Fault):
                on_fault(item)
            if side >= len(pending):
                continue
            pending[side].append(usable(item))
            if len(pending[side]) == size:
                yield schema.SPLITS[side], index[side], pending[side]
                index[side] += 1
                pending[side] = []
    for side, examples in enumerate(pending):
        if examples:
            yield schema.SPLITS[side], index[side], examples
