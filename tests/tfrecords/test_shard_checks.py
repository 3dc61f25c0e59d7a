"""A shard is compared with the manifest before it is read."""

import json
import os
import shutil
import uuid

import pytest
import tensorflow as tf

from tfrecords import (
    command_line,
    manifest_files,
    paths,
    reader,
    schema,
    shard_checks,
)

COUNTS = {"train": (4, 4, 3), "validation": (5,)}
TRAIN = "cls-train.tfrecord-0000{}-of-00003"


@pytest.fixture(autouse=True)
def new_process():
    """No shard has been read yet."""
    shard_checks.forget()


def flip(path):
    content = bytearray(path.read_bytes())
    content[40] ^= 4
    path.write_bytes(content)


def count(dataset):
    return sum(len(batch["id"]) for batch in dataset.as_numpy_iterator())


DAMAGES = {
    "a bit": lambda d: flip(d / TRAIN.format(1)),
    # Both hold four records of one length.
    "another shard": lambda d: shutil.copy(
        d / TRAIN.format(0), d / TRAIN.format(1)
    ),
    "cut": lambda d: os.truncate(d / TRAIN.format(1), 100),
}


@pytest.mark.parametrize("shuffle_seed", [None, 1])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_shard_is_named_before_a_record_is_read(
    directory, name, shuffle_seed
):
    manifest = reader.open_records(directory)
    DAMAGES[name](directory)
    with pytest.raises(ValueError, match=TRAIN.format(1)) as caught:
        reader.read_records(
            directory, "train", manifest=manifest, shuffle_seed=shuffle_seed
        )
    assert f"python -m tfrecords.verify {directory};" in str(caught.value)
    # The other split is not touched.
    validation = reader.read_records(directory, "validation", manifest=manifest)
    assert count(validation) == 5
    (shard,) = manifest.splits["train"][1:2]
    with pytest.raises(ValueError, match=TRAIN.format(1)):
        reader.read_shard(directory, shard)


def test_a_shard_that_vanished_is_named(directory):
    manifest = reader.open_records(directory)
    (directory / TRAIN.format(2)).unlink()
    with pytest.raises(FileNotFoundError, match=TRAIN.format(2)):
        reader.read_records(directory, "train", manifest=manifest)


def test_a_shard_is_hashed_once_and_again_when_it_changes(
    directory, monkeypatch
):
    hashed = []
    hashing = shard_checks.hashes.sha256_of_file
    monkeypatch.setattr(
        shard_checks.hashes,
        "sha256_of_file",
        lambda path: (hashed.append(path.name), hashing(path))[1],
    )
    for _ in range(3):
        assert count(reader.read_records(directory, "train")) == 11
    assert sorted(hashed) == [TRAIN.format(i) for i in range(3)]
    os.utime(directory / TRAIN.format(1), ns=(1, 1))
    assert count(reader.read_records(directory, "train")) == 11
    assert hashed[3:] == [TRAIN.format(1)]


def in_store(directory):
    """Copies a set into TensorFlow's memory."""
    store = paths.open_path(f"ram://{uuid.uuid4().hex}/cls/made-0/1.0.0")
    store.mkdir()
    for path in directory.iterdir():
        (store / path.name).write_bytes(path.read_bytes())
    return store


def test_a_set_in_a_store_gives_the_same_records(directory):
    store = in_store(directory)
    manifest = reader.open_records(str(store), kind="cls")
    for shuffle_seed in (None, 5):
        expected, received = (
            list(
                reader.read_records(
                    d, "train", batch_size=2, shuffle_seed=shuffle_seed
                ).as_numpy_iterator()
            )
            for d in (directory, store)
        )
        assert [batch["id"].tolist() for batch in expected] == [
            batch["id"].tolist() for batch in received
        ]
    assert manifest == reader.open_records(directory)
    (store / TRAIN.format(1)).unlink()
    with pytest.raises(FileNotFoundError, match=TRAIN.format(1)):
        reader.open_records(store)


def explained(work, capsys):
    program = command_line.Program("program", "It reads.", settings=())
    code = command_line.main(program, lambda _: work(), [])
    return code, capsys.readouterr().err


def test_a_program_names_the_shard_that_a_pipeline_finds_damaged(
    directory, capsys
):
    store = in_store(directory)
    flip(store / TRAIN.format(1))
    code, log = explained(
        lambda: count(reader.read_records(store, "train")), capsys
    )
    assert code == 1
    assert log.splitlines()[-1].startswith(f"error: {store}/{TRAIN.format(1)} ")
    assert "Traceback" not in log
    (store / TRAIN.format(1)).unlink()
    manifest = reader.open_records(directory)
    code, log = explained(
        lambda: count(reader.read_records(store, "train", manifest=manifest)),
        capsys,
    )
    assert code == 1
    assert f"{TRAIN.format(1)} is missing" in log
    assert "Traceback" not in log


def test_a_program_names_the_shard_that_is_damaged_while_it_is_read(
    directory, capsys
):
    def work():
        dataset = reader.read_records(directory, "train")
        flip(directory / TRAIN.format(1))
        return count(dataset)

    code, log = explained(work, capsys)
    assert code == 1
    assert f"{TRAIN.format(1)} was damaged while it was read" in log
    assert f"python -m tfrecords.verify {directory}" in log


def test_a_program_says_that_records_have_another_shape(directory, capsys):
    (directory / manifest_files.CHECKSUM).unlink()
    path = directory / schema.MANIFEST
    value = json.loads(path.read_text())
    value["schema"]["shape"] = [2, 4]
    path.write_text(json.dumps(value))
    code, log = explained(
        lambda: count(reader.read_records(directory, "train")), capsys
    )
    assert code == 1
    assert "error: A record is not what its manifest says" in log
    assert "Traceback" not in log


def test_other_errors_of_tensorflow_are_not_explained():
    error = tf.errors.InvalidArgumentError(None, None, "Incompatible shapes")
    assert shard_checks.explain(error) is None
    assert shard_checks.explain(ValueError("x")) is None
    lost = tf.errors.DataLossError(None, None, "corrupted record at 0")
    assert "python -m tfrecords.verify DIR" in shard_checks.explain(lost)
