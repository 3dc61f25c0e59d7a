"""Writes and reads records: ours, and raw TFRecordWriter / TFRecordDataset.

    python -m benchmarks.records --count=2048 --layers=6 --hidden=768

The same bytes on both sides, shards of random stacks. Ours also measures and
hashes every shard, syncs it and keeps a journal. The limit of writing is a
plain file of the same size, written and synced; of reading, a plain read.
Before a process reads a shard for the first time, its sha256 is checked: the
last row, against hashing one shard after the other.
"""

import itertools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, printing


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per direction."""
    parser = command.parser(__doc__, rounds=5)
    parser.add_argument(
        "--count", type=int, default=2048, help="Records per shard."
    )
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--dir", default=None, help="On the disk to measure.")
    flags = parser.parse_args(argv)

    command.start(flags)
    import tensorflow as tf

    from text2image import hashes
    from tfrecords import reader, schema, shard_checks, writer

    shape = (flags.layers, flags.hidden)
    record_schema = schema.cls_schema(shape, ("neg", "pos"))
    stacks = np.random.default_rng(0).standard_normal(
        (flags.count, *shape), np.float32
    )
    text = "A gripping film. " * 75  # about the length of a review

    def serialized() -> list[bytes]:
        return [
            record_schema.serialize(f"train-{i}", i % 2, stack, text=text)
            for i, stack in enumerate(stacks)
        ]

    def serialized_plainly() -> list[bytes]:
        return [_example(tf, i, s, text) for i, s in enumerate(stacks)]

    records = serialized()
    assert records == serialized_plainly()
    folder = pathlib.Path(tempfile.mkdtemp(dir=flags.dir))
    numbers = itertools.count()

    def write_ours() -> pathlib.Path:
        directory = folder / f"cls/{next(numbers)}/1.0.0"
        with writer.RecordWriter(
            directory, record_schema, {"kind": "cls"}, {"train": flags.shards}
        ) as shards:
            for shard in range(flags.shards):
                shards.write_shard("train", shard, records)
            shards.finish("Random stacks.", {})
        return directory

    raw_files = [str(folder / f"raw-{i}") for i in range(flags.shards)]

    def write_raw() -> None:
        for file in raw_files:
            with tf.io.TFRecordWriter(file) as file_writer:
                for record in records:
                    file_writer.write(record)

    def write_plain() -> None:
        with plain_file.open("wb") as file:
            file.write(plain)
            file.flush()
            os.fsync(file.fileno())

    directory = write_ours()
    plain = b"".join(p.read_bytes() for p in directory.glob("*.tfrecord-*"))
    plain_file = folder / "plain"

    def read_ours() -> None:
        for batch in reader.read_records(directory, "train"):
            batch["stack"].numpy()

    def read_raw() -> None:
        dataset = tf.data.TFRecordDataset(raw_files)
        for record in dataset.batch(256).map(record_schema.parse):
            record["stack"].numpy()

    shards = reader.open_records(directory).splits["train"]

    def check_ours() -> None:
        shard_checks.forget()
        shard_checks.check_all(directory, shards)

    def check_raw() -> None:
        for shard in shards:
            hashes.sha256_of_file(directory / shard.file)

    pairs: dict[str, tuple[Any, Any, Any]] = {
        "serialise": (serialized, serialized_plainly, None),
        "write": (write_ours, write_raw, write_plain),
        "read and parse": (
            read_ours,
            read_raw,
            plain_file.read_bytes,
        ),
        "check": (check_ours, check_raw, plain_file.read_bytes),
    }
    rows = []
    for name, calls in pairs.items():
        seconds = measuring.alternate(
            dict(zip(("ours", "raw", "limit"), calls, strict=True)),
            flags.rounds,
            flags.clock,
        )
        size = len(plain) / (flags.shards if name == "serialise" else 1)
        rate = {key: size / 1e6 / value for key, value in seconds.items()}
        rows.append(
            (
                name,
                printing.number(rate["ours"], 0),
                printing.number(rate["raw"], 0),
                printing.ratio(rate["ours"], rate["raw"]),
                printing.number(rate["limit"], 0),
            )
        )
    shutil.rmtree(folder)
    print(
        f"{flags.shards} shards of {flags.count} records, "
        f"{len(plain) / 1e6:.0f} MB\n"
    )
    printing.print_table(
        ("", "ours, MB/s", "raw, MB/s", "ratio", "plain file, MB/s"), rows
    )


def _example(tf: Any, index: int, stack: np.ndarray, text: str) -> bytes:
    """A record as the documentation of `tf.train.Example` makes one."""
    train = tf.train
    feature = {
        "id": train.Feature(
            bytes_list=train.BytesList(value=[f"train-{index}".encode()])
        ),
        "label": train.Feature(int64_list=train.Int64List(value=[index % 2])),
        "stack": train.Feature(
            float_list=train.FloatList(value=stack.ravel().tolist())
        ),
        "text": train.Feature(
            bytes_list=train.BytesList(value=[text.encode()])
        ),
    }
    return train.Example(
        features=train.Features(feature=feature)
    ).SerializeToString(deterministic=True)


if __name__ == "__main__":
    main()
