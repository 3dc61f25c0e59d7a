"""What a record holds, and the files that say so.

Three kinds. `cls`: id, text, label, the stack (L, D). `image`: id, label, the
picture (H, W, C). `multimodal`: id, image (JPEG bytes), title, description,
label, their vectors (2, D); a text that is missing is empty, and its vector is
0. All are tf.train.Example in TFDS's layout, float32, so that
`tfds.builder_from_directory(dir)` reads them without this project.
"""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
VERSION = "1.0.0"
SPLITS = ("train", "validation", "test")
# Byte strings of each kind, besides the id.
STRINGS = {
    "cls": ("text",),
    "image": (),
    "multimodal": ("image", "title", "description"),
}
JPEG = {"multimodal": "image"}


@dataclasses.dataclass(frozen=True)
class Schema:
    """The features of one kind of record.

    Attributes:
        kind: One of `STRINGS`; also the TFDS dataset's name.
        array: Name of the float32 feature: `stack`, `image` or
            `text_vectors`.
        shape: Its shape.
        label_names: Class names in label order.
    """

    kind: str
    array: str
    shape: tuple[int, ...]
    label_names: tuple[str, ...]

    @property
    def strings(self) -> tuple[str, ...]:
        """Names of the byte strings that records keep."""
        return STRINGS[self.kind]

    def serialize(
        self,
        key: str,
        label: int,
        array: np.ndarray,
        **strings: str | bytes,
    ) -> bytes:
        """One record's bytes; the same record gives the same bytes.

        Raises:
            ValueError: If `strings` are not those of the kind.
        """
        if set(strings) != set(self.strings):
            raise ValueError(
                f"A {self.kind} record must have the strings {self.strings}. "
                f"Received: {sorted(strings)}"
            )
        feature = {
            "id": _bytes(key.encode("utf-8")),
            "label": tf.train.Feature(
                int64_list=tf.train.Int64List(value=[label])
            ),
            self.array: _floats(array),
        }
        for name, value in strings.items():
            if isinstance(value, str):
                value = value.encode("utf-8")
            feature[name] = _bytes(value)
        example = tf.train.Example(features=tf.train.Features(feature=feature))
        return example.SerializeToString(deterministic=True)

    def parse(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """`(N,)` serialized records to a dictionary of batched tensors."""
        return tf.io.parse_example(serialized, self._spec())

    def parse_one(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """The same for one record, a scalar."""
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
        """JSON form, kept in the manifest."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Schema":
        """The way back."""
        return cls(
            value["kind"],
            value["array"],
            tuple(value["shape"]),
            tuple(value["label_names"]),
        )


def cls_schema(
    stack_shape: tuple[int, int], label_names: tuple[str, ...]
) -> Schema:
    """Schema of [CLS] stacks (L, D)."""
    return Schema("cls", "stack", stack_shape, label_names)


def image_schema(
    image_shape: tuple[int, int, int], label_names: tuple[str, ...]
) -> Schema:
    """Schema of pictures (H, W, C)."""
    return Schema("image", "image", image_shape, label_names)


def multimodal_schema(hidden_size: int, label_names: tuple[str, ...]) -> Schema:
    """Schema of pictures with titles and descriptions, vectors of D."""
    return Schema("multimodal", "text_vectors", (2, hidden_size), label_names)


def shard_name(kind: str, split: str, index: int, count: int) -> str:
    """TFDS's name of a shard."""
    return f"{kind}-{split}.tfrecord-{index:05d}-of-{count:05d}"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One finished file, as the manifest vouches for it."""

    file: str
    num_examples: int
    num_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a record directory holds; written last.

    Attributes:
        schema: Of its records.
        fingerprint: Of `provenance`.
        provenance: What the records depend on.
        details: What is worth keeping but decides nothing (audit, counts,
            library versions).
        splits: Split name to its shards, in order.
        files: Other files that belong to the set (the pixel map), name to
            sha256.
    """

    schema: Schema
    fingerprint: str
    provenance: dict[str, Any]
    details: dict[str, Any]
    splits: dict[str, list[Shard]]
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    def num_examples(self, split: str) -> int:
        """Examples of a split."""
        return sum(shard.num_examples for shard in self.splits[split])

    def dumps(self) -> str:
        """JSON text."""
        return json.dumps(
            {
                "format_version": FORMAT_VERSION,
                "schema": self.schema.to_json(),
                "fingerprint": self.fingerprint,
                "provenance": self.provenance,
                "details": self.details,
                "splits": {
                    split: [dataclasses.asdict(shard) for shard in shards]
                    for split, shards in self.splits.items()
                },
                "files": self.files,
            },
            indent=2,
            sort_keys=True,
        )

    @classmethod
    def load(cls, directory: pathlib.Path) -> "Manifest":
        """Reads a directory's manifest.

        Raises:
            FileNotFoundError: If there is none: the set is not finished.
            ValueError: If it cannot be read or is of another format.
        """
        path = directory / MANIFEST
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory} holds no {MANIFEST}: not a finished set of "
                "records. Delete the directory if it is there and build it "
                "with: python -m tfrecords.build"
            )
        try:
            value = json.loads(path.read_text("utf-8"))
            if value["format_version"] != FORMAT_VERSION:
                raise ValueError(f"format {value['format_version']}")
            return cls(
                schema=Schema.from_json(value["schema"]),
                fingerprint=value["fingerprint"],
                provenance=value["provenance"],
                details=value["details"],
                splits={
                    split: [Shard(**shard) for shard in shards]
                    for split, shards in value["splits"].items()
                },
                files=dict(value["files"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is not a manifest of format {FORMAT_VERSION} "
                f"({type(error).__name__}: {error}). Delete the directory "
                "and build it again."
            ) from error


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _floats(array: np.ndarray) -> tf.train.Feature:
    """A packed list of float32, copied whole.

    Given the numbers one by one, protobuf takes several times longer than the
    disk. The message is its wire format: field 1, length-delimited (tag 0x0A),
    its length as a varint, the little-endian floats.
    """
    content = array.astype("<f4").tobytes()
    length, rest = bytearray(), len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    length.append(rest)
    message = b"\x0a" + bytes(length) + content
    return tf.train.Feature(float_list=tf.train.FloatList.FromString(message))
