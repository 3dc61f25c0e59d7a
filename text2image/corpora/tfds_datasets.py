"""Rows of prepared TFDS datasets: scalar features, in the order of the files.

TFDS and TensorFlow are imported where they are used: a corpus read from a file
does not need them.
"""

import functools
import pathlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from text2image import hashes
from text2image.corpora import tfds_features
from text2image.corpora.rows import (
    GUESSED,
    NOT_A_ROW,
    Fault,
    Reading,
    Row,
    RowSource,
    refuse_unused,
)
from text2image.corpora.spans import Span, Spans, spans_of_size
from text2image.corpora.tfds_builders import open_builder
from text2image.corpora.tfds_splits import Parts, Slice, choose_parts

_ROWS_AT_A_TIME = 1024


def open_rows(
    dataset: str,
    data_dir: str | None = None,
    download: bool = False,
    reading: Reading = GUESSED,
) -> RowSource:
    """Opens a TFDS dataset as rows of its scalar features.

    Values are the bytes of a string, the name of a class (`None` for -1,
    unlabelled), an integer or a truth value. Other features are columns that
    are not decoded; `not_text` and `not_label` say why they cannot be used.

    Raises:
        FileNotFoundError: If it is not prepared and may not be fetched.
        ValueError: If no such dataset exists or it is damaged, or for the
            reasons of `choose_parts`; or if a flag of files is set.
    """
    refuse_unused(dataset, reading)
    builder = open_builder(dataset, data_dir, download)
    features = dict(tfds_features.flat(builder.info.features))
    parts, guesses = choose_parts(
        builder, reading.train_split, reading.validation_split
    )
    return RowSource(
        name=builder.name,
        parts={
            part: functools.partial(_rows, builder, slices, features)
            for part, slices in parts.items()
        },
        columns=tuple(features),
        hash_files=functools.partial(sha256_of_splits, builder, parts),
        guesses=guesses,
        class_names={
            key: tuple(feature.names)
            for key, feature in features.items()
            if getattr(feature, "names", None)
        },
        not_text=tfds_features.reasons(features, tfds_features.why_not_text),
        not_label=tfds_features.reasons(features, tfds_features.why_not_label),
    )


def open_slice(builder: Any, part: Slice) -> Spans:
    """Opens consecutive examples of a split, which are cut between examples."""
    features = dict(tfds_features.flat(builder.info.features))

    def cut(rows: int) -> list[Span]:
        stop = part.stop
        if stop is None:
            stop = builder.info.splits[part.split].num_examples
        return spans_of_size(part.first, stop, rows)

    def read(span: Span) -> Iterator[Row | Fault]:
        return _rows_of_slice(
            builder, Slice(part.split, span.start, span.stop), features
        )

    return Spans(cut, read)


def class_names(builder: Any, label_key: str) -> list[str]:
    """Returns the names of a dataset's classes.

    Raises:
        ValueError: If the label is not a ClassLabel.
    """
    label_feature = builder.info.features[label_key]
    names = getattr(label_feature, "names", None)
    if not names:
        raise ValueError(
            f"{builder.name}: `{label_key}` must be a TFDS ClassLabel. "
            f"Received: {label_feature}"
        )
    return list(names)


def sha256_of_splits(builder: Any, parts: Parts) -> str:
    """Sha256 of the files of the splits that parts are read from.

    Raises:
        FileNotFoundError: If one of them is missing.
    """
    splits = {each.split for slices in parts.values() for each in slices}
    paths = sorted(
        pathlib.Path(file)
        for split in splits
        for file in builder.info.splits[split].filepaths
    )
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing, a file of the TFDS dataset "
                f"{builder.name}. Copy it again, or prepare the dataset again."
            )
    return hashes.sha256_of_files(paths)


def read_rows(
    builder: Any,
    part: Slice,
    *,
    undecoded: Collection[str] = (),
    only: Collection[str] = (),
) -> Iterator[dict[str, Any]]:
    """Streams rows of a split as numpy values, in the order of its files.

    Args:
        builder: The prepared dataset.
        part: The examples of the split.
        undecoded: Features that are left as encoded bytes, such as images.
        only: Features that are read, nested ones as `a/b`; by default all.

    Raises:
        ValueError: If a file is truncated or damaged.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    decoders: Any = {name: tfds.decode.SkipDecoding() for name in undecoded}
    if only:
        decoders = tfds.decode.PartialDecoding(_nested(only), decoders)
    dataset = builder.as_dataset(
        split=part.notation,
        shuffle_files=False,
        batch_size=_ROWS_AT_A_TIME,
        decoders=decoders,
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        ),
    )
    try:
        for batch in tfds.as_numpy(dataset):
            columns = tf.nest.flatten(batch)
            for values in zip(*columns, strict=True):
                yield tf.nest.pack_sequence_as(batch, values)
    except tf.errors.OpError as error:
        raise ValueError(_damage(builder, part.split, error)) from None


def label_of(
    place: str, number: int, label: int, names: list[str]
) -> str | None:
    """Returns the name of a row's class; `None` for -1, unlabelled.

    Raises:
        ValueError: If the label has no name.
    """
    if label == -1:
        return None
    if not 0 <= label < len(names):
        raise ValueError(
            f"{place}, example {number}: unknown label {label}. Expected 0 to "
            f"{len(names) - 1}."
        )
    return names[label]


def decoded(place: str, number: int, text: bytes) -> str:
    """Decodes the text of a row.

    Raises:
        ValueError: If it is not UTF-8.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{place}, example {number}: expected UTF-8 ({error})."
        ) from error


def _rows(
    builder: Any, slices: Iterable[Slice], features: Mapping[str, Any]
) -> Iterator[Row | Fault]:
    for part in slices:
        yield from _rows_of_slice(builder, part, features)


def _rows_of_slice(
    builder: Any, part: Slice, features: Mapping[str, Any]
) -> Iterator[Row | Fault]:
    place = f"{part.split} of {builder.name}"
    scalars = [
        key
        for key, feature in features.items()
        if tfds_features.is_scalar(feature)
    ]
    names = {
        key: list(features[key].names)
        for key in scalars
        if getattr(features[key], "names", None)
    }
    rows = read_rows(builder, part, only=scalars)
    # Numbers count from the start of the split: ids do not depend on slices.
    for number, values in enumerate(rows, part.first):
        try:
            for key, of_label in names.items():
                holder, _, name = key.rpartition("/")
                inner = values
                for step in holder.split("/") if holder else ():
                    inner = inner[step]
                inner[name] = label_of(place, number, inner[name], of_label)
        except ValueError as error:
            yield Fault(
                f"{place}, example {number}",
                NOT_A_ROW,
                str(error),
                str(values),
            )
            continue
        yield Row(
            f"{place}, example {number}", f"{part.split}-{number:07d}", values
        )


def _nested(keys: Collection[str]) -> dict[str, Any]:
    """Returns the specification that decodes only these features."""
    tree: dict[str, Any] = {}
    for key in keys:
        *holders, name = key.split("/")
        inner = tree
        for holder in holders:
            inner = inner.setdefault(holder, {})
        inner[name] = True
    return tree


def _damage(builder: Any, split: str, error: Exception) -> str:
    """Names the file of a split that cannot be read to its end."""
    import tensorflow as tf

    for file in builder.info.splits[split].filepaths:
        try:
            for _ in tf.data.TFRecordDataset(str(file)):
                pass
        except tf.errors.OpError:
            return (
                f"{file} is truncated or damaged, a file of the TFDS dataset "
                f"{builder.name}. Copy it again, or prepare the dataset again."
            )
    reason = str(error).splitlines()[0]
    return (
        f"{split} of {builder.name} cannot be read ({reason}). Prepare the "
        "dataset again."
    )
