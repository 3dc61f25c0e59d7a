"""Small real record sets, corpora and settings."""

import csv
import hashlib
import pathlib
import random
import struct

import numpy as np

from tests.support import multimodal_corpora
from tfrecords import config, schema, writer

ROOT = pathlib.Path(__file__).parents[2]
TINY_BERT = ROOT / "tests" / "golden" / "tiny_bert"
WORDS = (("bad", "poor", "awful"), ("good", "great"), ("fine", "so", "so"))


def write_csv(path, *, count=24, classes=2):
    """Writes short reviews; ids follow from the lines."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for number in range(count):
            label = number % classes
            words = draw.choices(WORDS[label], k=draw.randint(1, 70))
            rows.writerow(
                (f"film {number}: {' '.join(words)} \N{SNOWMAN}", f"c{label}")
            )
    return path


def settings(dataset, records_dir, **changes):
    """Settings of a build that takes a second."""
    values = {
        "dataset": str(dataset),
        "records_dir": str(records_dir),
        "encoder": str(TINY_BERT),
        "layers": "last2",
        "max_tokens": 64,
        "tokens_per_batch": 256,
        "examples_per_shard": 8,
        "projection": "pca",
        "image_height": 6,
        "image_width": 4,
    }
    return config.RecordsConfig(**{**values, **changes})


def example(record_schema, number):
    """Keyword arguments of `serialize`, equal for equal numbers."""
    rng = np.random.default_rng(number)
    array = rng.standard_normal(record_schema.shape, np.float32)
    value = {
        "key": f"key-{number}",
        "label": number % len(record_schema.label_names),
        "array": array,
    }
    for name in record_schema.strings:
        value[name] = f"{name} {number}\n\N{SNOWMAN}"
    if record_schema.kind == "multimodal":
        value["image"] = multimodal_corpora.jpeg(number)
    return value


def schema_of(kind="cls", label_names=("neg", "pos")):
    make, shape = {
        "cls": (schema.cls_schema, (2, 3)),
        "image": (schema.image_schema, (2, 3, 1)),
        "multimodal": (schema.multimodal_schema, 3),
    }[kind]
    return make(shape, label_names)


def shards_of(counts, kind="cls", label_names=("neg", "pos")):
    """Split name and counts of its shards to lists of serialized records."""
    record_schema = schema_of(kind, label_names)
    number = iter(range(10**6))
    return {
        split: [
            [
                record_schema.serialize(**example(record_schema, next(number)))
                for _ in range(count)
            ]
            for count in shard_counts
        ]
        for split, shard_counts in counts.items()
    }


def write_set(
    directory,
    shards,
    *,
    kind="cls",
    label_names=("neg", "pos"),
    seed=0,
    side_file=False,
):
    """Writes a set, or resumes it; returns the number of finished shards."""
    with writer.RecordWriter(
        directory,
        schema_of(kind, label_names),
        {"kind": kind, "seed": seed},
        {split: len(records) for split, records in shards.items()},
    ) as records:
        finished = records.num_finished
        if side_file and not records.files:
            (records.working_directory / "pixel_map.csv").write_text("a,b")
            records.keep_files(("pixel_map.csv",))
        for split, lists in shards.items():
            for index, serialized in enumerate(lists):
                if not records.is_finished(split, index):
                    records.write_shard(split, index, serialized)
        records.finish("Made by a test.", {"audit": {}, "layers": [0, 1]})
    return finished


def write_images(
    parent,
    *,
    num_train=24,
    num_validation=8,
    shape=(12, 12, 1),
    label_names=("neg", "pos"),
    name="made",
    seed=0,
    spoil=None,
):
    """Writes `image` records: which band is bright is the class."""
    rng = np.random.default_rng(seed)
    directory = parent / name / "1.0.0"
    record_schema = schema.image_schema(shape, label_names)
    counts = {"train": num_train, "validation": num_validation}
    with writer.RecordWriter(
        directory,
        record_schema,
        {"name": name, "seed": seed},
        dict.fromkeys(counts, 1),
    ) as records:
        for split, count in counts.items():
            serialized = []
            for index in range(count):
                label = index % len(label_names)
                image = rng.uniform(0, 0.2, shape).astype(np.float32)
                band = shape[0] // len(label_names)
                image[label * band : (label + 1) * band] += 0.5
                if spoil is not None:
                    spoil(split, index, image)
                serialized.append(
                    record_schema.serialize(f"{split}-{index}", label, image)
                )
            records.write_shard(split, 0, serialized)
        records.finish("Made by a test.", {"audit": {}})
    return directory


def tree(directory):
    """Name to sha256 of every file below, hidden ones too; folders: False."""
    return {
        str(path.relative_to(directory)): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
    }


def crc32c(data):
    """Castagnoli's CRC, bit by bit: slow, and independent of TensorFlow."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def frame(data):
    """Returns one record with the framing of TFRecord files."""

    def masked(part):
        crc = crc32c(part)
        return struct.pack(
            "<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        )

    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def unframe(content):
    """Returns the records of a TFRecord file; ignores checksums."""
    records = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        records.append(content[12 : 12 + length])
        content = content[16 + length :]
    return records
