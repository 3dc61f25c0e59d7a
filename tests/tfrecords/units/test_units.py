"""Units run by any engine leave the same bytes."""

import itertools
import pathlib

import pytest

from tests.support import record_sets
from tfrecords import build, paths
from tfrecords.stages import feature_sums
from tfrecords.units import runner, shard_files, unit

IN_PROCESS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return record_sets.write_csv(
        tmp_path_factory.mktemp("corpus") / "reviews.csv"
    )


@pytest.fixture(scope="module")
def several_groups():
    """Groups of two shards, so that sums are merged."""
    patch = pytest.MonkeyPatch()
    patch.setattr(feature_sums, "_LEAST_SHARDS", 2)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def local(tmp_path_factory, corpus, several_groups):
    """Records that the loop made: four train shards in two groups."""
    directory = tmp_path_factory.mktemp("local") / "records"
    build.prepare_records(settings(corpus, directory))
    return directory


def settings(corpus, directory):
    return record_sets.settings(corpus, directory, examples_per_shard=5)


@pytest.mark.slow
def test_the_groups_are_merged(local):
    (cls_dir,) = local.glob("cls/*/1.0.0")
    manifest = feature_sums.reader.open_records(cls_dir)
    stage = feature_sums.Statistics(cls_dir, cls_dir, manifest)
    assert [each.size for each in stage.units()] == [10, 10]


@pytest.mark.slow
def test_beam_leaves_the_same_bytes(local, tmp_path, corpus):
    pytest.importorskip("apache_beam")
    build.prepare_records(
        settings(corpus, tmp_path / "records"), "beam", *IN_PROCESS
    )
    assert record_sets.tree(tmp_path / "records") == record_sets.tree(local)


@pytest.mark.slow
def test_a_store_holds_the_same_bytes(local, corpus):
    # TensorFlow's store in memory: no rename, no lock, no sync.
    for directory in build.prepare_records(
        settings(corpus, "ram://bucket/records")
    ):
        kind, name, _ = directory.parts[-3:]
        (expected,) = (local / kind / name).iterdir()
        assert {path.name for path in directory.iterdir()} == {
            path.name for path in expected.iterdir()
        }
        for path in directory.iterdir():
            assert path.read_bytes() == (expected / path.name).read_bytes(), (
                path
            )


class Doubling:
    """Writes each number of a unit twice; reads one unit ahead."""

    name, noun = "doubling", "number"

    def __init__(self, directory, log=None):
        self.directory = directory
        self.plan = str(directory)
        self.log = [] if log is None else log

    @classmethod
    def open(cls, plan):
        return cls(pathlib.Path(plan))

    def read(self, given):
        self.log.append(f"read {given.file}")
        return [str(number).encode() for number in given.key]

    def write(self, given, content, progress):
        self.log.append(f"write {given.file}")
        progress(given.size)
        path = self.directory / given.file
        return unit.Product(
            shard_files.write(path, content + content), {"sum": sum(given.key)}
        )


UNITS = [unit.Unit(f"{n}.tfrecord", n, tuple(range(n))) for n in (1, 2, 3)]


@pytest.mark.parametrize("store", [None, "ram://marks/set"])
def test_marks_are_read_in_order_with_gaps(tmp_path, store, monkeypatch):
    monkeypatch.setattr(shard_files, "REQUESTS", 2)  # several rounds
    directory = paths.open_path(store or tmp_path)
    stage = Doubling(directory)
    numbers = [number for number in range(70) if number % 3]
    for number in numbers:
        each = unit.Unit(f"{number}.tfrecord", 1, (number,))
        stage.write(each, stage.read(each), lambda count: None).finish()
    marks = list(
        shard_files.read_marks(
            directory, (f"{number}.tfrecord" for number in range(70))
        )
    )
    assert [mark and mark.details["sum"] for mark in marks] == [
        number if number % 3 else None for number in range(70)
    ]


def test_marks_come_back_in_the_order_of_the_units(tmp_path):
    marks = list(runner.run(Doubling(tmp_path), UNITS, runner.LOCAL))
    assert [mark.details["sum"] for mark in marks] == [0, 1, 3]
    assert [mark.shard.num_examples for mark in marks] == [2, 4, 6]


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_order_and_repetition_change_no_byte(tmp_path, order):
    stage = Doubling(tmp_path)
    for index in (*order, *order):
        given = UNITS[index]
        stage.write(given, stage.read(given), lambda _: None).finish()
    whole = record_sets.tree(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    list(runner.run(Doubling(again), UNITS, runner.LOCAL))
    assert record_sets.tree(again) == whole


def test_finished_units_are_not_run_again(tmp_path):
    list(runner.run(Doubling(tmp_path), UNITS[:2], runner.LOCAL))
    stage = Doubling(tmp_path)
    list(runner.run(stage, UNITS, runner.LOCAL))
    assert stage.log == ["read 3.tfrecord", "write 3.tfrecord"]


def test_the_next_unit_is_read_while_one_is_written(tmp_path):
    stage = Doubling(tmp_path)
    list(runner.run(stage, UNITS, runner.LOCAL))
    assert stage.log.index("read 2.tfrecord") < stage.log.index(
        "write 3.tfrecord"
    )


def test_a_unit_without_a_mark_is_an_error(tmp_path):
    class Forgetful(Doubling):
        def write(self, given, content, progress):
            product = super().write(given, content, progress)
            product.written.temporary.write_bytes(b"")
            return product

    with pytest.raises(RuntimeError, match=r"3 of 3 are missing.*1\.tfrecord"):
        runner.run(Forgetful(tmp_path), UNITS, runner.LOCAL)


def test_two_writers_of_one_shard_do_not_meet(tmp_path):
    stage = Doubling(tmp_path)
    products = [
        stage.write(UNITS[2], stage.read(UNITS[2]), lambda _: None)
        for _ in range(2)
    ]
    for product in products:
        product.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "3.tfrecord",
        "3.tfrecord.done.json",
    ]
