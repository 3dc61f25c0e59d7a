"""Sets of records are whole or absent."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.support import record_sets
from tfrecords import croissant, data_card, reader, schema, writer
from tfrecords.faults import find_faults
from tfrecords.units import shard_files

COUNTS = {"train": (3, 2), "validation": (2,)}
JOURNAL = "journal.json"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cls" / "made-0" / "1.0.0"


@pytest.fixture(scope="module")
def whole_tree(tmp_path_factory):
    """Files of an uninterrupted run of `COUNTS`."""
    directory = tmp_path_factory.mktemp("whole") / "cls" / "made-0" / "1.0.0"
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    return record_sets.tree(directory.parent)


@pytest.mark.parametrize("kind", ["cls", "image", "multimodal"])
@pytest.mark.parametrize(
    "counts",
    [
        {"train": (1,), "validation": (1,)},
        {"train": (5,), "validation": (2, 1)},
        {"train": (1, 1, 1), "validation": (1,)},
        {"train": (7, 7, 2), "validation": (4, 4)},
        {"train": (1,) * 20, "validation": (300,)},
    ],
)
def test_what_was_written_is_read_in_order(directory, kind, counts):
    shards = record_sets.shards_of(counts, kind)
    record_sets.write_set(directory, shards, kind=kind)
    manifest = reader.open_records(directory, kind=kind)
    record_schema = record_sets.schema_of(kind)
    number = 0
    for split in counts:
        assert manifest.num_examples(split) == sum(counts[split])
        found = [
            {name: value[row] for name, value in batch.items()}
            for batch in reader.read_records(
                directory, split, batch_size=3
            ).as_numpy_iterator()
            for row in range(len(batch["id"]))
        ]
        assert len(found) == sum(counts[split])
        for one in found:
            expected = record_sets.example(record_schema, number)
            assert one["id"].decode() == expected["key"]
            assert one["label"] == expected["label"]
            np.testing.assert_array_equal(
                one[record_schema.array], expected["array"]
            )
            number += 1
    assert find_faults(directory) == []


def test_the_same_records_give_the_same_tree(directory, whole_tree):
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    assert record_sets.tree(directory.parent) == whole_tree


def test_only_the_files_of_the_set_are_left(whole_tree):
    assert sorted(whole_tree) == [
        "1.0.0",
        *(
            f"1.0.0/{name}"
            for name in (
                "card.md",
                "cls-train.tfrecord-00000-of-00002",
                "cls-train.tfrecord-00001-of-00002",
                "cls-validation.tfrecord-00000-of-00001",
                "croissant.json",
                "dataset_info.json",
                "features.json",
                "label.labels.txt",
                "manifest.json",
                "manifest.sha256",
                "pixel_map.csv",
            )
        ),
    ]


def test_files_have_the_framing_of_the_format(directory):
    shards = record_sets.shards_of({"train": (3,), "validation": (1,)})
    record_sets.write_set(directory, shards)
    content = (directory / "cls-train.tfrecord-00000-of-00001").read_bytes()
    assert content == b"".join(
        record_sets.frame(data) for data in shards["train"][0]
    )
    assert record_sets.crc32c(b"123456789") == 0xE3069283  # the published check


def test_the_manifest_holds_the_sha256_of_every_file(directory):
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    manifest = schema.Manifest.load(directory)
    expected = {
        **manifest.files,
        **{
            shard.file: shard.sha256
            for shards in manifest.splits.values()
            for shard in shards
        },
    }
    on_disk = record_sets.tree(directory)
    sums = (directory / "manifest.sha256").read_text()
    assert sums == f"{on_disk.pop(schema.MANIFEST)}  {schema.MANIFEST}\n"
    # The last two describe the set to others and may change.
    for name in ("manifest.sha256", croissant.FILE, data_card.FILE):
        del on_disk[name]
    assert on_disk == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "when"),
    [
        ("settle", "after"),
        ("_write_journal", "before"),
        ("unlink", "before"),
        *(
            pytest.param(call, when, marks=pytest.mark.slow)
            for call, when in (
                ("write_shard", "before"),
                ("write_shard", "after"),
                ("settle", "before"),
                ("_write_journal", "after"),
                ("unlink", "after"),
                ("replace", "before"),
                ("replace", "after"),
                ("fsync", "before"),
                ("fsync", "after"),
            )
        ),
    ],
)
def test_a_kill_at_any_call_and_a_resumed_run_leave_the_same_tree(
    tmp_path, run_in_fork, whole_tree, call, when
):
    count = 0
    while True:  # until the run gets past its last such call
        count += 1
        directory = tmp_path / f"{count}" / "cls" / "made-0" / "1.0.0"
        task = {"do": "write", "directory": str(directory), "counts": COUNTS}
        status, log = run_in_fork(**task, kill=(call, count, when))
        if not status:
            break
        assert status == -9, log
        if directory.exists():  # the final name means a whole set
            assert find_faults(directory) == []
        status, log = run_in_fork(**task)
        assert not status, log
        assert record_sets.tree(directory.parent) == whole_tree, count
    assert count > (1 if call in ("unlink", "_write_journal") else 3)


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1, 2, 3])
def test_finished_shards_are_not_written_again(
    directory, run_in_fork, finished
):
    if finished:
        status, _ = run_in_fork(
            do="write",
            directory=str(directory),
            counts=COUNTS,
            kill=("settle", finished, "after"),
        )
        assert status == -9
    shards = record_sets.shards_of(COUNTS)
    assert record_sets.write_set(directory, shards, side_file=True) == finished


def stop_after(directory, count, *, side_file=False, seed=0):
    """Leaves the set incomplete, with `count` shards of `COUNTS`."""
    shards = record_sets.shards_of(COUNTS)
    with writer.RecordWriter(
        directory,
        record_sets.schema_of("cls"),
        {"kind": "cls", "seed": seed},
        {split: len(lists) for split, lists in shards.items()},
    ) as records:
        if side_file:
            (records.working_directory / "pixel_map.csv").write_text("a,b")
            records.keep_files(("pixel_map.csv",))
        shard_ids = [
            (split, index)
            for split, lists in shards.items()
            for index in range(len(lists))
        ]
        for split, index in shard_ids[:count]:
            records.write_shard(split, index, shards[split][index])
    return directory.with_name("1.0.0.incomplete")


def mark_of(path):
    return path.with_name(path.name + shard_files.MARK)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "num_kept"),
    [
        (lambda aside, shard: flip(shard), 1),
        (lambda aside, shard: shard.unlink(), 1),
        (lambda aside, shard: os.truncate(shard, 0), 1),
        (lambda aside, shard: os.truncate(shard, 20), 1),
        (lambda aside, shard: (aside / JOURNAL).unlink(), 0),
        (lambda aside, shard: (aside / JOURNAL).write_text(""), 0),
        (lambda aside, shard: (aside / JOURNAL).write_text("[1]"), 0),
        (lambda aside, shard: (aside / JOURNAL).write_text("{}"), 0),
        (lambda aside, shard: (aside / JOURNAL).write_bytes(b"\xff"), 0),
        # Shards of a lost map must not be mixed with those of a new one.
        (lambda aside, shard: (aside / "pixel_map.csv").unlink(), 0),
        (lambda aside, shard: flip(aside / "pixel_map.csv"), 0),
        (lambda aside, shard: (aside / "litter").write_text("x"), 2),
        (lambda aside, shard: (aside / "litter").mkdir(), 2),
        (lambda aside, shard: (aside / f"{shard.name}.writing").touch(), 2),
        (lambda aside, shard: mark_of(shard).unlink(), 1),
        (lambda aside, shard: mark_of(shard).write_text("{}"), 1),
        (lambda aside, shard: flip(mark_of(shard)), 1),
    ],
)
def test_damaged_parts_of_an_incomplete_set_are_written_again(
    directory, whole_tree, damage, num_kept
):
    aside = stop_after(directory, 2, side_file=True)
    damage(aside, aside / "cls-train.tfrecord-00000-of-00002")
    shards = record_sets.shards_of(COUNTS)
    assert record_sets.write_set(directory, shards, side_file=True) == num_kept
    assert record_sets.tree(directory.parent) == whole_tree


def test_shards_with_a_different_provenance_are_not_reused(directory):
    stop_after(directory, 3, seed=1)
    assert record_sets.write_set(directory, record_sets.shards_of(COUNTS)) == 0


def test_a_second_process_is_refused_and_told_which_is_writing(
    directory, run_in_fork
):
    with writer.RecordWriter(
        directory, record_sets.schema_of("cls"), {}, {"train": 1}
    ):
        before = record_sets.tree(directory.parent)
        status, log = run_in_fork(
            do="write", directory=str(directory), counts=COUNTS
        )
        assert (status, record_sets.tree(directory.parent)) == (3, before)
    assert f"Process {os.getpid()} on " in log
    assert "is already writing" in log
    assert record_sets.write_set(directory, record_sets.shards_of(COUNTS)) == 0


def test_a_dead_process_holds_no_lock(directory, run_in_fork):
    task = {"do": "write", "directory": str(directory), "counts": COUNTS}
    assert run_in_fork(**task, kill=("write_shard", 1, "before"))[0] == -9
    assert run_in_fork(**task)[0] == 0


def test_a_set_without_all_its_shards_is_not_finished(directory):
    with writer.RecordWriter(
        directory, record_sets.schema_of("cls"), {}, {"train": 2}
    ) as records:
        records.write_shard(
            "train", 0, record_sets.shards_of(COUNTS)["train"][0]
        )
        with pytest.raises(RuntimeError, match="00001-of-00002 was never"):
            records.finish("", {})
    assert not directory.exists()


@pytest.mark.parametrize("later", ["shard", "finish", "leave"])
def test_an_error_of_the_writing_thread_is_raised(directory, later):
    shards = record_sets.shards_of(COUNTS)["train"]
    aside = directory.with_name("1.0.0.incomplete")

    def write():
        with writer.RecordWriter(
            directory, record_sets.schema_of("cls"), {}, {"train": 2}
        ) as records:
            # A directory in its place: the shard cannot get its name.
            (aside / "cls-train.tfrecord-00000-of-00002").mkdir()
            records.write_shard("train", 0, shards[0])
            if later == "shard":
                records.write_shard("train", 1, shards[1])
            elif later == "finish":
                records.finish("", {})

    with pytest.raises(OSError, match="00000-of-00002"):
        write()
    assert not list(aside.glob("*" + shard_files.MARK))
    assert not directory.exists()


def test_an_error_inside_a_shard_leaves_no_shard(directory):
    def records():
        yield record_sets.shards_of(COUNTS)["train"][0][0]
        raise FloatingPointError("spam")

    with (
        pytest.raises(FloatingPointError, match="spam"),
        writer.RecordWriter(
            directory, record_sets.schema_of("cls"), {}, {"train": 1}
        ) as writing,
    ):
        writing.write_shard("train", 0, records())
    aside = directory.with_name("1.0.0.incomplete")
    assert not (aside / "cls-train.tfrecord-00000-of-00001").exists()
    assert not list(aside.glob("*" + shard_files.MARK))


def test_a_full_disk_is_an_error_that_names_the_file(directory, run_in_fork):
    # The kernel's limit on a file's size stands in for a full disk.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, {})"
    task = {
        "do": "write",
        "directory": str(directory),
        "counts": {"train": (50,), "validation": (2,)},
    }
    status, log = run_in_fork(**task, setup=limit.format("(2000, 2000)"))
    assert status == 3, log
    assert "cls-train.tfrecord-00000-of-00001" in log
    assert not directory.exists()
    status, log = run_in_fork(**task)
    assert status == 0, log
    assert find_faults(directory) == []


@pytest.mark.skipif(
    not pathlib.Path("/dev/full").exists(), reason="no /dev/full here"
)
def test_a_write_that_fails_for_space_says_so(directory, monkeypatch):
    name = "cls-train.tfrecord-00000-of-00001"
    serialized = record_sets.shards_of(COUNTS)["train"][0]
    with writer.RecordWriter(
        directory, record_sets.schema_of("cls"), {}, {"train": 1}
    ) as records:
        full = records.working_directory / f"{name}.writing"
        full.symlink_to("/dev/full")
        monkeypatch.setattr(shard_files, "temporary_path", lambda path: full)
        with pytest.raises(OSError, match=f"{name} was not written.* space"):
            records.write_shard("train", 0, serialized)
    assert not directory.exists()


def test_an_older_set_with_the_same_name_is_replaced(directory, whole_tree):
    record_sets.write_set(
        directory, record_sets.shards_of({"train": (1,), "x": (1,)})
    )
    (directory / "litter").touch()
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    assert record_sets.tree(directory.parent) == whole_tree


@pytest.mark.parametrize(
    "name", ["with a space", "\N{SNOWMAN} é", "%7B{}", "-"]
)
def test_paths_may_have_any_name(tmp_path, name, whole_tree):
    directory = tmp_path / name / "cls" / "made-0" / "1.0.0"
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    assert record_sets.tree(directory.parent) == whole_tree
    assert find_faults(directory) == []


_FOREIGN = """
import json, sys
# The project may be installed: forbid it, as if it were not.
sys.modules.update(text2image=None, tfrecords=None, trainers=None)
try:
    import tfrecords
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("this project can be imported")
import numpy as np
import tensorflow_datasets as tfds

config = tfds.ReadConfig(interleave_cycle_length=1)
for directory in sys.argv[1:]:
    builder = tfds.builder_from_directory(directory)
    info = builder.info
    array = info.supervised_keys[0]
    read = lambda split: [
        {
            "id": one["id"].decode(),
            "label": info.features["label"].int2str(one["label"]),
            "text": one.get("text", b"").decode(),
            "array": one[array].ravel().view(np.uint32).tolist(),
            "shape": one[array].shape,
            "dtype": str(one[array].dtype),
        }
        for one in tfds.as_numpy(
            builder.as_dataset(split=split, read_config=config)
        )
    ]
    print(json.dumps({
        "name": info.name,
        "names": info.features["label"].names,
        "splits": {name: s.num_examples for name, s in info.splits.items()},
        "train": read("train"),
        "slice": read("train[2:5]"),
        "percent": len(read("train[:50%]")),
        "both": len(read("train+validation")),
        "supervised": len(list(builder.as_dataset(
            split="validation", as_supervised=True
        ).as_numpy_iterator())),
    }))
"""


@pytest.mark.slow
def test_tfds_reads_both_kinds_without_this_project(tmp_path):
    counts = {"train": (3, 3, 2), "validation": (2,)}
    names = ("c 0", "\N{SNOWMAN}", "7")
    directories = []
    for kind in ("cls", "image"):
        directory = tmp_path / "a b é" / kind / "made-0" / "1.0.0"
        shards = record_sets.shards_of(counts, kind, names)
        record_sets.write_set(directory, shards, kind=kind, label_names=names)
        directories.append(directory)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", _FOREIGN, *directories],
        cwd=tmp_path,
        env={
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONPATH"
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line[:1] == "{"]
    for kind, line in zip(("cls", "image"), lines, strict=True):
        found = json.loads(line)
        record_schema = record_sets.schema_of(kind, names)
        expected = [
            {
                "id": value["key"],
                "label": names[value["label"]],
                "text": value.get("text", ""),
                "array": value["array"].ravel().view(np.uint32).tolist(),
                "shape": list(record_schema.shape),
                "dtype": "float32",
            }
            for value in (
                record_sets.example(record_schema, n) for n in range(8)
            )
        ]
        assert found == {
            "name": kind,
            "names": list(names),
            "splits": {"train": 8, "validation": 2},
            "train": expected,
            "slice": expected[2:5],
            "percent": 4,
            "both": 10,
            "supervised": 2,
        }
