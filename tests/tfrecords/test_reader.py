"""A set is checked before it is read, and read in its order."""

import os
import re

import pytest
import tensorflow as tf

from tests.support import record_sets
from tfrecords import reader, schema

COUNTS = {"train": (4, 4, 3), "validation": (5,)}


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "cls" / "made-0" / "1.0.0"
    record_sets.write_set(directory, record_sets.shards_of(COUNTS))
    return directory


def cut(directory, size):
    os.truncate(directory / "cls-train.tfrecord-00001-of-00003", size)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda d: (d / schema.MANIFEST).unlink(), "no manifest"),
        (lambda d: (d / schema.MANIFEST).write_text("{}"), "not a manifest"),
        (
            lambda d: (d / "cls-validation.tfrecord-00000-of-00001").unlink(),
            "00000-of-00001 is missing",
        ),
        (lambda d: cut(d, 0), "00001-of-00003 must be .* Received: 0"),
        (lambda d: cut(d, 30), "00001-of-00003 must be .* Received: 30"),
        (lambda d: cut(d, 10**4), "00001-of-00003 must be"),
    ],
)
def test_a_set_that_does_not_match_its_manifest_is_refused(
    directory, change, match
):
    change(directory)
    with pytest.raises((FileNotFoundError, ValueError), match=match) as caught:
        reader.open_records(directory)
    # The user learns which set, and what to do.
    assert str(directory) in str(caught.value)
    assert re.search("elete (the directory|it) and", str(caught.value))


def test_a_different_kind_or_fingerprint_is_refused(directory):
    manifest = reader.open_records(directory, kind="cls")
    reader.open_records(directory, fingerprint=manifest.fingerprint)
    reader.open_records(str(directory))
    with pytest.raises(ValueError, match="must hold 'image' records"):
        reader.open_records(directory, kind="image")
    with pytest.raises(ValueError, match="fingerprint 0123") as caught:
        reader.open_records(directory, fingerprint="0123")
    assert manifest.fingerprint in str(caught.value)


@pytest.mark.parametrize("split", ["test", "", "Train"])
def test_an_unknown_split_is_refused(directory, split):
    with pytest.raises(ValueError, match=r"\['train', 'validation'\]"):
        reader.read_records(directory, split)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 11, 100])
def test_every_batch_size_gives_the_same_records(directory, batch_size):
    batches = list(
        reader.read_records(
            directory, "train", batch_size=batch_size
        ).as_numpy_iterator()
    )
    sizes = [len(batch["id"]) for batch in batches]
    assert set(sizes[:-1]) <= {batch_size}
    assert [key.decode() for batch in batches for key in batch["id"]] == [
        f"key-{number}" for number in range(11)
    ]


def test_a_dataset_can_be_iterated_again(directory):
    dataset = reader.read_records(directory, "validation")
    first, second = (
        [batch["id"].tolist() for batch in dataset.as_numpy_iterator()]
        for _ in range(2)
    )
    assert first == second


def test_the_manifest_is_not_read_twice(directory):
    manifest = reader.open_records(directory)
    (directory / schema.MANIFEST).unlink()
    dataset = reader.read_records(directory, "train", manifest=manifest)
    assert sum(len(b["id"]) for b in dataset.as_numpy_iterator()) == 11


def ids(dataset):
    return [
        key.decode()
        for batch in dataset.as_numpy_iterator()
        for key in batch["id"]
    ]


def test_a_seed_draws_an_order_of_all_records(directory):
    def read(**settings):
        return ids(
            reader.read_records(directory, "train", batch_size=4, **settings)
        )

    in_order = read()
    drawn = {seed: read(shuffle_seed=seed) for seed in range(4)}
    for seed, order in drawn.items():
        assert sorted(order) == sorted(in_order)
        assert order == read(shuffle_seed=seed)
    assert len({tuple(order) for order in (in_order, *drawn.values())}) == 5


def test_readers_take_turns_at_the_shards(directory, monkeypatch):
    # No window: what is left is the order of the readers.
    monkeypatch.setattr(reader, "SHUFFLED", 1)
    one = ids(
        reader.read_records(directory, "train", shuffle_seed=1, num_readers=1)
    )
    shards = [set(f"key-{i}" for i in range(*r)) for r in ((0, 4), (4, 8))]
    for shard in shards:
        places = [one.index(key) for key in shard]
        assert max(places) - min(places) == 3  # as a whole
    three = ids(
        reader.read_records(directory, "train", shuffle_seed=1, num_readers=3)
    )
    assert len({int(key[4:]) // 4 for key in three[:3]}) == 3


def test_a_shuffled_reading_is_that_of_plain_tf_data(directory):
    # Trainings of multimodal records resume in this order.
    files = sorted(str(path) for path in directory.glob("cls-train*"))
    plain = (
        tf.data.Dataset.from_tensor_slices(files)
        .shuffle(len(files), seed=9)
        .interleave(tf.data.TFRecordDataset, cycle_length=4)
        .shuffle(4096, seed=9)
    )
    received = reader.read_serialized(
        directory, "train", reader.open_records(directory), shuffle_seed=9
    )
    assert list(received.as_numpy_iterator()) == list(plain.as_numpy_iterator())


def test_one_shard_is_read_separately(directory):
    shards = reader.open_records(directory).splits["train"]
    lists = record_sets.shards_of(COUNTS)["train"]
    for shard, records in zip(shards, lists, strict=True):
        read = reader.read_shard(directory, shard).as_numpy_iterator()
        assert list(read) == records


def test_any_rows_are_read_from_the_shards_that_hold_them(directory):
    def ids(**settings):
        batches = reader.read_records(
            directory, "train", batch_size=2, **settings
        )
        return [key for batch in batches for key in batch["id"].numpy()]

    every = ids()
    assert len(set(every)) == 11
    # Within a shard of (4, 4, 3), at its edges and across all.
    for start, stop in ((0, 11), (0, 4), (4, 8), (3, 5), (5, 6), (2, 10)):
        assert ids(rows=range(start, stop)) == every[start:stop]
