"""Schemas of the records, and the manifest of a record directory.

Three kinds. `cls`: id, text, label, the stack (L, D). `image`: id, label, the
image (H, W, C). `multimodal`: id, image (JPEG bytes), title, description,
further texts if any, label, the vectors of all F texts (F, D); a missing text
is empty and its vector is 0. All are tf.train.Example in TFDS's layout,
float32, so that `tfds.builder_from_directory(dir)` reads them without this
project.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from text2image import hashes
from tfrecords import files, manifest_files, paths, shard_lists
from tfrecords.shard_lists import ShardList

MANIFEST = manifest_files.MANIFEST
Shard = shard_lists.Shard
shard_name = shard_lists.shard_name
VERSION = "1.0.0"
SPLITS = ("train", "validation", "test")
# Byte-string features of each kind, besides the id.
STRINGS = {
    "cls": ("text",),
    "image": (),
    "multimodal": ("image", "title", "description"),
}
# Which of them is an encoded image.
JPEG = {"multimodal": "image"}


@dataclasses.dataclass(frozen=True)
class Schema:
    """The features of one kind of record.

    Attributes:
        kind: One of `STRINGS`; also the TFDS dataset's name.
        array: Name of the float32 feature: `stack`, `image` or
            `text_vectors`.
        shape: Shape of the float32 feature.
        label_names: Class names in label order.
        further: Names of texts besides those of `STRINGS`, such as tags.
    """

    kind: str
    array: str
    shape: tuple[int, ...]
    label_names: tuple[str, ...]
    further: tuple[str, ...] = ()

    @property
    def strings(self) -> tuple[str, ...]:
        """Names of the byte-string features."""
        return (*STRINGS[self.kind], *self.further)

    @property
    def text_fields(self) -> tuple[str, ...]:
        """Those of them that are texts, in the order of `text_vectors`."""
        return tuple(n for n in self.strings if n != JPEG.get(self.kind))

    def serialize(
        self,
        key: str,
        label: int,
        array: np.ndarray,
        **strings: str | bytes,
    ) -> bytes:
        """Serializes one record; equal records give equal bytes.

        Args:
            key: Id of the record.
            label: Index in `label_names`.
            array: Value of the float32 feature, with `shape`.
            **strings: Values of the byte-string features; text is encoded as
                UTF-8.

        Raises:
            ValueError: If `strings` are not the features of this kind.
        """
        if set(strings) != set(self.strings):
            raise ValueError(
                f"A {self.kind} record must have the strings {self.strings}. "
                f"Received: {sorted(strings)}"
            )
        feature = {
            "id": _bytes(key),
            "label": tf.train.Feature(
                int64_list=tf.train.Int64List(value=[label])
            ),
            self.array: _floats(array),
        }
        for name, value in strings.items():
            feature[name] = _bytes(value)
        example = tf.train.Example(features=tf.train.Features(feature=feature))
        return example.SerializeToString(deterministic=True)

    def parse(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """Parses `(N,)` serialized records to a dictionary of tensors."""
        return tf.io.parse_example(serialized, self._spec())

    def parse_one(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """Parses one serialized record, a scalar string."""
        return tf.io.parse_single_example(serialized, self._spec())

    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "id": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
            self.array: tf.io.FixedLenFeature(self.shape, tf.float32),
        }
        for name in self.strings:
            spec[name] = tf.io.FixedLenFeature([], tf.string)
        return spec

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form that the manifest keeps."""
        value = dataclasses.asdict(self)
        if not self.further:  # as earlier versions wrote it
            del value["further"]
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Builds a schema from `to_json`'s value."""
        fields: dict[str, Any] = {
            name: tuple(entry) if isinstance(entry, list) else entry
            for name, entry in value.items()
        }
        return cls(**fields)


def cls_schema(
    stack_shape: tuple[int, int], label_names: tuple[str, ...]
) -> Schema:
    """Returns the schema of [CLS] stacks (L, D)."""
    return Schema("cls", "stack", stack_shape, label_names)


def image_schema(
    image_shape: tuple[int, int, int], label_names: tuple[str, ...]
) -> Schema:
    """Returns the schema of images (H, W, C)."""
    return Schema("image", "image", image_shape, label_names)


def multimodal_schema(
    hidden_size: int,
    label_names: tuple[str, ...],
    further: tuple[str, ...] = (),
) -> Schema:
    """Returns the schema of captioned images, with text vectors (F, D)."""
    shape = (2 + len(further), hidden_size)
    return Schema("multimodal", "text_vectors", shape, label_names, further)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Contents of a record directory; written last.

    Attributes:
        schema: Schema of the records.
        fingerprint: Fingerprint of `provenance`.
        provenance: What the records depend on.
        details: Information on which the records do not depend (audit, counts,
            library versions).
        splits: Split name to its shards, in order. Lists, up to
            `shard_lists.LIMIT` shards in all; above, a `ShardList` each.
        files: Name to sha256 of the other files that belong to the set (the
            pixel map).
    """

    schema: Schema
    fingerprint: str
    provenance: dict[str, Any]
    details: dict[str, Any]
    splits: Mapping[str, Sequence[Shard]]
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def num_shards(self) -> int:
        """Number of shards of all splits."""
        return sum(map(len, self.splits.values()))

    def num_examples(self, split: str) -> int:
        """Returns the number of examples of a split."""
        return shard_lists.num_examples(self.splits[split])

    def dumps(self) -> str:
        """Returns the JSON text of `manifest.json`."""
        splits = {
            split: shards.to_json()
            if isinstance(shards, ShardList)
            else [dataclasses.asdict(shard) for shard in shards]
            for split, shards in self.splits.items()
        }
        is_listed = all(isinstance(value, list) for value in splits.values())
        return json.dumps(
            {
                "format_version": 1 if is_listed else 2,
                "schema": self.schema.to_json(),
                "fingerprint": self.fingerprint,
                "provenance": self.provenance,
                "details": self.details,
                "splits": splits,
                "files": self.files,
            },
            indent=2,
            sort_keys=True,
        )

    def save(self, directory: paths.Path) -> Self:
        """Writes the manifest, whole or not at all; it makes the set whole.

        The number of shards alone decides whether it lists them, or whether
        they are listed in files of their own. Of a `ShardList` that is in its
        place already, nothing is written again.

        Returns:
            The manifest as `load` reads it.
        """
        splits: dict[str, Sequence[Shard]] = {}
        sums = dict(self.files)
        for split, shards in self.splits.items():
            if self.num_shards <= shard_lists.LIMIT:
                splits[split] = list(shards)
                continue
            name = shard_lists.list_name(split)
            if getattr(shards, "path", None) != directory / name:
                shards = ShardList.write(
                    directory / name, self.schema.kind, split, shards
                )
            files.sync(directory / name)
            splits[split] = shards
            sums[name] = hashes.sha256_of_file(directory / name)
        manifest = dataclasses.replace(self, splits=splits, files=sums)
        manifest_files.write(directory, manifest.dumps())
        return manifest

    @classmethod
    def load(cls, directory: paths.Path) -> Self:
        """Reads the manifest of a directory.

        Raises:
            FileNotFoundError: If there is none: the set is not finished.
            ValueError: If it cannot be read, has another format version, or
                holds what no manifest holds: a name that leads elsewhere, a
                shape of 0.
        """
        value = manifest_files.read(directory, STRINGS)
        record_schema = Schema.from_json(value["schema"])
        return cls(
            schema=record_schema,
            fingerprint=value["fingerprint"],
            provenance=value["provenance"],
            details=value["details"],
            splits={
                split: [Shard(**shard) for shard in shards]
                if isinstance(shards, list)
                else ShardList(
                    directory / shard_lists.list_name(split),
                    record_schema.kind,
                    split,
                    **shards,
                )
                for split, shards in value["splits"].items()
            },
            files=value["files"],
        )


def _bytes(value: str | bytes) -> tf.train.Feature:
    if isinstance(value, str):
        value = value.encode("utf-8")
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _floats(array: np.ndarray) -> tf.train.Feature:
    """Returns a packed list of float32, copied as one block.

    Setting the numbers one by one takes protobuf several times longer than
    writing them to disk. The message is in protobuf's wire format: field 1,
    length-delimited (tag 0x0A), the length as a varint, little-endian floats.
    """
    content = array.astype("<f4").tobytes()
    length, rest = bytearray(), len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    length.append(rest)
    message = b"\x0a" + bytes(length) + content
    return tf.train.Feature(float_list=tf.train.FloatList.FromString(message))
