"""What a kill in the middle of `publish` leaves is tidied up."""

from tests.support import record_sets
from tfrecords import files, reader
from tfrecords.units import unfinished_set

COUNTS = {"train": (3,), "validation": (2,)}


def test_a_lock_left_in_a_finished_set_is_removed(tmp_path):
    directory = tmp_path / "cls" / "made-0" / "1.0.0"
    record_sets.write_set(directory, record_sets.shards_of(COUNTS))
    tree = record_sets.tree(tmp_path)
    # A kill between the last rename and the removal of the lock.
    (directory / files.LOCK).touch()
    fingerprint = reader.open_records(directory).fingerprint
    unfinished_set.complete(directory, fingerprint)
    assert record_sets.tree(tmp_path) == tree
