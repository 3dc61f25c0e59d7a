"""Shards of a large set are listed in files of lines, read one by one."""

import hashlib
import json
import pathlib
import sys

import pytest

from tests.support import record_sets
from tfrecords import faults, paths, reader, schema, shard_checks, shard_lists

COUNTS = {"train": (4, 4, 3), "validation": (5,)}


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A set of four shards where three are many."""
    monkeypatch.setattr(shard_lists, "LIMIT", 3)
    shard_checks.forget()
    directory = tmp_path / "cls" / "made-0" / "1.0.0"
    record_sets.write_set(directory, record_sets.shards_of(COUNTS))
    return directory


def shards(count):
    return [
        schema.Shard(
            schema.shard_name("cls", "train", i, count),
            i + 1,
            10**9 + i,
            hashlib.sha256(str(i).encode()).hexdigest(),
        )
        for i in range(count)
    ]


def write(directory, count):
    return shard_lists.ShardList.write(
        directory / "shards-train.txt", "cls", "train", shards(count)
    )


@pytest.mark.parametrize("where", ["disk", "store"])
def test_a_list_gives_what_was_written_one_by_one_and_in_order(tmp_path, where):
    if where == "store":
        tmp_path = paths.open_path(f"ram://{tmp_path.name}-lists")
        tmp_path.mkdir()
    written = write(tmp_path, 123)
    expected = shards(123)
    assert list(written) == expected
    assert [written[i] for i in (0, 77, -1)] == [
        expected[i] for i in (0, 77, -1)
    ]
    for part in (slice(3, 6), slice(None), slice(5, 2), slice(9, 0, -3)):
        assert written[part] == expected[part]
    assert written.num_examples == shard_lists.num_examples(expected)
    assert written.num_bytes == shard_lists.num_bytes(expected)
    assert list(shard_lists.file_names(written)) == [s.file for s in expected]
    content = (tmp_path / "shards-train.txt").read_bytes()
    assert len(content) == 123 * shard_lists.WIDTH
    for index in (123, -124):
        with pytest.raises(IndexError):
            written[index]


def _bytes_read():
    """What this process has read so far, from the system's cache too."""
    for line in pathlib.Path("/proc/self/io").read_text().splitlines():
        if line.startswith("rchar: "):
            return int(line.split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_last_of_a_million_lines_is_found_without_reading_the_others(
    tmp_path,
):
    count = 10**6
    path = tmp_path / "shards-train.txt"
    with path.open("wb") as file:  # a hole, as large as all other lines
        file.seek((count - 1) * shard_lists.WIDTH)
        file.write(b"%12d %16d %s\n" % (7, 99, b"a" * 64))
    listed = shard_lists.ShardList(path, "cls", "train", count, 0, 0)
    before = _bytes_read()
    assert listed[-1] == schema.Shard(
        "cls-train.tfrecord-0999999-of-1000000", 7, 99, "a" * 64
    )
    assert _bytes_read() - before < path.stat().st_size / 100
    with pytest.raises(ValueError, match="line 500001, must be"):
        listed[500_000]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"%12d %16d %s" % (1, 2, b"a" * 64),
        b"%12d %16d %s\n" % (1, 2, b"A" * 64),
        b"%12d %16d %s\n" % (-1, 2, b"a" * 64),
        b"%12s %16d %s\n" % (b"", 2, b"a" * 64),
        b"\xff" * shard_lists.WIDTH,
    ],
)
def test_a_damaged_line_is_named(tmp_path, line):
    listed = write(tmp_path, 3)
    content = bytearray(listed.path.read_bytes())
    content[shard_lists.WIDTH : 2 * shard_lists.WIDTH] = line
    listed.path.write_bytes(content[: shard_lists.WIDTH + len(line)])
    with pytest.raises(ValueError, match=r"shards-train\.txt, line 2, must"):
        listed[1]
    with pytest.raises(ValueError, match="line 2"):
        list(listed)
    assert listed[0] == shards(3)[0]


@pytest.mark.parametrize("shuffle_seed", [None, 3])
def test_a_large_set_is_read_as_a_small_one(
    directory, tmp_path, monkeypatch, shuffle_seed
):
    manifest = reader.open_records(directory)
    value = json.loads((directory / schema.MANIFEST).read_text())
    assert value["format_version"] == 2
    assert value["splits"]["train"] == {
        "num_bytes": manifest.splits["train"].num_bytes,
        "num_examples": 11,
        "num_shards": 3,
    }
    assert manifest.num_examples("train") == 11
    assert faults.find_faults(directory) == []
    monkeypatch.undo()
    small = tmp_path / "small" / "made-0" / "1.0.0"
    record_sets.write_set(small, record_sets.shards_of(COUNTS))
    value = json.loads((small / schema.MANIFEST).read_text())
    assert value["format_version"] == 1
    assert reader.open_records(small).splits["train"] == list(
        manifest.splits["train"]
    )
    received, expected = (
        [
            batch["id"].tolist()
            for batch in reader.read_records(
                d, "train", batch_size=3, shuffle_seed=shuffle_seed
            ).as_numpy_iterator()
        ]
        for d in (directory, small)
    )
    assert received == expected


def manifest_of(splits):
    return schema.Manifest(
        record_sets.schema_of("cls"), "0123456789ab", {}, {}, splits
    )


@pytest.mark.parametrize("count", [3, 4])
def test_the_number_of_shards_alone_decides_where_they_are_listed(
    tmp_path, monkeypatch, count
):
    monkeypatch.setattr(shard_lists, "LIMIT", 3)
    trees = []
    for form in ("list", "in place", "elsewhere"):
        directory, other = tmp_path / form, tmp_path / f"other {form}"
        directory.mkdir()
        other.mkdir()
        splits = {"train": shards(count)}
        if form != "list":
            where = directory if form == "in place" else other
            splits = {"train": write(where, count)}
        saved = manifest_of(splits).save(directory)
        assert list(saved.splits["train"]) == shards(count)
        loaded = schema.Manifest.load(directory)
        assert list(loaded.splits["train"]) == shards(count)
        assert loaded.files == saved.files
        trees.append(
            {
                path.name: path.read_bytes()
                for path in directory.iterdir()
                if count > 3 or path.name != "shards-train.txt"
            }
        )
    assert trees[0] == trees[1] == trees[2]
    assert len(trees[0]) == count - 1


def test_a_large_set_is_opened_by_one_listing(directory, monkeypatch):
    def refuse(path, **_):
        raise AssertionError(f"asked for {path}")

    original = type(directory).stat
    monkeypatch.setattr(
        type(directory),
        "stat",
        lambda path, **options: (
            refuse(path)
            if "tfrecord" in path.name
            else original(path, **options)
        ),
    )
    reader.open_records(directory)
    monkeypatch.undo()
    monkeypatch.setattr(shard_lists, "LIMIT", 3)
    (directory / "cls-train.tfrecord-00001-of-00003").unlink()
    with pytest.raises(FileNotFoundError, match="00001-of-00003 is missing"):
        reader.open_records(directory)


def lines_of(directory):
    return directory / "shards-train.txt"


@pytest.mark.parametrize(
    ("damage", "opens", "cause"),
    [
        (lambda p: p.unlink(), False, "missing, or not 3 lines"),
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), False, "not 3 lines"),
        (
            lambda p: p.write_bytes(p.read_bytes().replace(b"4", b"5", 1)),
            True,
            "shards-train.txt: changed",
        ),
        (
            lambda p: p.write_bytes(b"x" + p.read_bytes()[1:]),
            True,
            "line 1, must be",
        ),
    ],
)
def test_a_damaged_list_is_named(directory, damage, opens, cause):
    damage(lines_of(directory))
    assert any(cause in fault for fault in faults.find_faults(directory))
    if opens:
        reader.open_records(directory)
    else:
        with pytest.raises(ValueError, match="not 3 lines"):
            reader.open_records(directory)
