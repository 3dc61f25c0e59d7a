"""Every fault is named: shard, record, cause."""

import gzip
import json
import os
import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.support import commands, record_sets
from tfrecords import croissant, data_card, reader, schema, verify
from tfrecords.faults import find_faults
from tfrecords.settings import fingerprint

COUNTS = {"train": (4, 4, 4), "validation": (4,)}
TRAIN = "cls-train.tfrecord-0000{}-of-00003"
SHARD = TRAIN.format(1)
VALIDATION = "cls-validation.tfrecord-00000-of-00001"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pristine") / "cls/made-0/1.0.0"
    record_sets.write_set(
        directory, record_sets.shards_of(COUNTS), side_file=True
    )
    return directory


def rewrite(shard, change):
    """Puts other records into a shard, with checksums that fit."""
    records = record_sets.unframe(shard.read_bytes())
    shard.write_bytes(b"".join(record_sets.frame(r) for r in change(records)))


def flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(content)


def start_of(shard, number):
    records = record_sets.unframe(shard.read_bytes())
    return sum(16 + len(record) for record in records[:number])


def altered(**values):
    """Records whose third one has other values."""

    def change(records):
        record_schema = record_sets.schema_of("cls")
        example = {**record_sets.example(record_schema, 6), **values}
        return [*records[:2], record_schema.serialize(**example), records[3]]

    return change


def without(name):
    """Records whose third one lacks a feature."""

    def change(records):
        example = tf.train.Example.FromString(records[2])
        del example.features.feature[name]
        return [*records[:2], example.SerializeToString(), records[3]]

    return change


def renamed_feature(records):
    example = tf.train.Example.FromString(records[2])
    example.features.feature["spam"].CopyFrom(
        example.features.feature.pop("stack")
    )
    return [*records[:2], example.SerializeToString(), records[3]]


def repeated_text(records):
    example = tf.train.Example.FromString(records[2])
    example.features.feature["text"].bytes_list.value.append(b"two")
    return [*records[:2], example.SerializeToString(), records[3]]


NAN = np.array([[1, 2, 3], [4, np.nan, 6]], np.float32)
INF = np.array([[1, 2, 3], [4, -np.inf, 6]], np.float32)

# Name, what is done to the middle shard, the record named and the cause.
RECORD_FAULTS = [
    ("bit of a length", lambda s: flip(s, start_of(s, 2)), 2, "corrupted"),
    (
        "high bit of a length",
        lambda s: flip(s, start_of(s, 2) + 7),
        2,
        "corrupted",
    ),
    (
        "bit of a length's crc",
        lambda s: flip(s, start_of(s, 2) + 9),
        2,
        "corrupted",
    ),
    ("bit of data", lambda s: flip(s, start_of(s, 2) + 40), 2, "corrupted"),
    ("bit of data's crc", lambda s: flip(s, start_of(s, 3) - 2), 2, "corrupt"),
    ("bit of the last byte", lambda s: flip(s, -1), 3, "corrupted"),
    (
        "byte added in front",
        lambda s: s.write_bytes(b"\0" + s.read_bytes()),
        0,
        "corrupted",
    ),
    (
        "byte removed in front",
        lambda s: s.write_bytes(s.read_bytes()[1:]),
        0,
        "corrupted",
    ),
    (
        "byte removed at the end",
        lambda s: os.truncate(s, s.stat().st_size - 1),
        3,
        "truncated",
    ),
    (
        "cut in a record",
        lambda s: os.truncate(s, start_of(s, 2) + 30),
        2,
        "truncated",
    ),
    (
        "garbage at the end",
        lambda s: s.write_bytes(s.read_bytes() + b"spam" * 9),
        4,
        "corrupted",
    ),
    (
        "record repeated",
        lambda s: rewrite(s, lambda r: [*r[:3], r[1], r[3]]),
        3,
        "again, first in " + SHARD,
    ),
    (
        "record of another shard",
        lambda s: rewrite(
            s, lambda r: [*r[:3], record_sets.shards_of(COUNTS)["train"][0][0]]
        ),
        3,
        "again, first in " + TRAIN.format(0),
    ),
    (
        "no protocol buffer",
        lambda s: rewrite(s, lambda r: [*r[:2], b"\xff" * 20, r[3]]),
        2,
        "not a tf.train.Example",
    ),
    (
        "empty record",
        lambda s: rewrite(s, lambda r: [*r[:2], b"", r[3]]),
        2,
        "features",
    ),
    ("other feature", lambda s: rewrite(s, renamed_feature), 2, "spam"),
    ("NaN", lambda s: rewrite(s, altered(array=NAN)), 2, "NaN"),
    ("infinity", lambda s: rewrite(s, altered(array=INF)), 2, "infinity"),
    (
        "too few values",
        lambda s: rewrite(s, altered(array=NAN[:1])),
        2,
        "3 values in stack, expected (2, 3)",
    ),
    (
        "too many values",
        lambda s: rewrite(s, altered(array=np.ones((2, 4), np.float32))),
        2,
        "8 values",
    ),
    ("label too high", lambda s: rewrite(s, altered(label=2)), 2, "label [2]"),
    ("label too low", lambda s: rewrite(s, altered(label=-1)), 2, "label [-1]"),
    ("no text", lambda s: rewrite(s, without("text")), 2, "features"),
    ("two texts", lambda s: rewrite(s, repeated_text), 2, "2 values in text"),
]

# Faults that no single record shows: the shard is named and the cause.
SHARD_FAULTS = [
    (
        "cut between records",
        lambda s: os.truncate(s, start_of(s, 2)),
        "2 records, expected 4",
    ),
    # A part of a header reads as a clean end.
    (
        "cut in a header",
        lambda s: os.truncate(s, start_of(s, 2) + 5),
        "2 records, expected 4",
    ),
    (
        "one byte at the end",
        lambda s: s.write_bytes(s.read_bytes() + b"\0"),
        "bytes, expected",
    ),
    ("cut to nothing", lambda s: os.truncate(s, 0), "0 records, expected 4"),
    (
        "record removed",
        lambda s: rewrite(s, lambda r: [r[0], *r[2:]]),
        "3 records, expected 4",
    ),
    (
        "records swapped",
        lambda s: rewrite(s, lambda r: [r[0], r[2], r[1], r[3]]),
        "sha256",
    ),
    (
        "another text of the same length",
        lambda s: rewrite(
            s, lambda r: [r[0].replace(b"text", b"spam"), *r[1:]]
        ),
        "",
    ),
    ("missing", lambda s: s.unlink(), "missing"),
    (
        "swapped with the next",
        lambda s: (
            s.rename(s.with_name("x")),
            s.with_name(TRAIN.format(2)).rename(s),
            s.with_name("x").rename(s.with_name(TRAIN.format(2))),
        ),
        "sha256",
    ),
    (
        "of another set",
        lambda s: rewrite(
            s,
            lambda r: [
                record_sets.schema_of("cls").serialize(
                    **record_sets.example(record_sets.schema_of("cls"), number)
                )
                for number in range(94, 98)
            ],
        ),
        "sha256",
    ),
    (
        "compressed",
        lambda s: s.write_bytes(gzip.compress(s.read_bytes())),
        "corrupted record",
    ),
    (
        "a directory",
        lambda s: (s.unlink(), s.mkdir()),
        "missing",
    ),
]


@pytest.mark.parametrize(
    ("damage", "record", "cause"),
    [fault[1:] for fault in RECORD_FAULTS],
    ids=[fault[0] for fault in RECORD_FAULTS],
)
def test_a_damaged_record_is_named(directory, damage, record, cause):
    damage(directory / SHARD)
    faults = find_faults(directory)
    assert any(
        fault.startswith(f"{SHARD}, record {record}: ") and cause in fault
        for fault in faults
    ), faults
    # No other shard is named, and the sha256 of the file differs, too.
    assert all(fault.startswith(SHARD) for fault in faults), faults
    assert any("sha256" in fault for fault in faults)


@pytest.mark.parametrize("shard", [TRAIN.format(0), SHARD, VALIDATION])
@pytest.mark.parametrize(
    ("damage", "cause"),
    [fault[1:] for fault in SHARD_FAULTS],
    ids=[fault[0] for fault in SHARD_FAULTS],
)
def test_a_damaged_shard_is_named(directory, damage, cause, shard):
    damage(directory / shard)
    faults = find_faults(directory)
    assert any(
        fault.startswith(shard) and cause in fault for fault in faults
    ), faults


def edit(directory, change):
    path = directory / schema.MANIFEST
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


def shard_entry(name, value):
    def change(manifest):
        manifest["splits"]["train"][1][name] = value

    return change


def reverse(manifest, *path):
    for name in path[:-1]:
        manifest = manifest[name]
    manifest[path[-1]] = manifest[path[-1]][::-1]


EDITS = [
    ("a count", shard_entry("num_examples", 5), SHARD),
    ("a size", shard_entry("num_bytes", 5), SHARD),
    ("a digest", shard_entry("sha256", "0" * 64), SHARD),
    ("a name", shard_entry("file", "spam"), "spam: missing"),
    ("a shard less", lambda m: m["splits"]["train"].pop(), TRAIN.format(2)),
    ("no shards", lambda m: m["splits"].update(train=[]), TRAIN.format(0)),
    (
        "a shard more",
        lambda m: m["splits"]["train"].append(m["splits"]["train"][0]),
        "again",
    ),
    ("a split less", lambda m: m["splits"].pop("validation"), VALIDATION),
    (
        "splits swapped",
        lambda m: m["splits"].update(
            train=m["splits"]["validation"], validation=m["splits"]["train"]
        ),
        "splits",
    ),
    ("the fingerprint", lambda m: m.update(fingerprint="0" * 12), "provenance"),
    ("provenance", lambda m: m["provenance"].update(seed=7), "provenance"),
    (
        "label names swapped",
        lambda m: reverse(m, "schema", "label_names"),
        "label_names",
    ),
    ("the shape turned", lambda m: reverse(m, "schema", "shape"), "shape"),
    ("the shape", lambda m: m["schema"].update(shape=[9]), "expected (9,)"),
    (
        "a class less",
        lambda m: m["schema"]["label_names"].pop(),
        "label [1], expected",
    ),
    ("the array's name", lambda m: m["schema"].update(array="x"), "'x'"),
    ("the kind", lambda m: m["schema"].update(kind="image"), "kind"),
    ("the format", lambda m: m.update(format_version=9), "format"),
    ("a key less", lambda m: m.pop("splits"), "not a manifest"),
]


@pytest.mark.parametrize(
    ("change", "cause"),
    [e[1:] for e in EDITS],
    ids=[e[0] for e in EDITS],
)
def test_an_edited_manifest_is_noticed(directory, change, cause):
    edit(directory, change)
    faults = find_faults(directory)
    assert any(cause in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda d: (d / schema.MANIFEST).unlink(), "holds no manifest.json"),
        (lambda d: (d / schema.MANIFEST).write_text("{"), "not a manifest"),
        (lambda d: shutil.rmtree(d), "holds no manifest.json"),
        (lambda d: flip(d / "pixel_map.csv", 0), "pixel_map.csv: changed"),
        (lambda d: (d / "pixel_map.csv").unlink(), "pixel_map.csv: missing"),
        *(
            (damage(name), name)
            for name in (
                "dataset_info.json",
                "features.json",
                "label.labels.txt",
            )
            for damage in (
                lambda name: lambda d: (d / name).unlink(),
                lambda name: lambda d: flip(d / name, 2),
                lambda name: lambda d: os.truncate(d / name, 0),
            )
        ),
        (
            lambda d: shutil.copy(
                d / SHARD, d / "cls-train.tfrecord-00003-of-00004"
            ),
            "cls-train.tfrecord-00003-of-00004: not in the manifest",
        ),
        (
            lambda d: (d / f"{SHARD}.writing").touch(),
            f"{SHARD}.writing: not in the manifest",
        ),
    ],
)
def test_damage_beside_the_shards_is_named(directory, damage, cause):
    damage(directory)
    faults = find_faults(directory)
    assert any(cause in fault for fault in faults), faults


def test_all_faults_are_named_not_only_the_first(directory):
    (directory / TRAIN.format(0)).unlink()
    rewrite(
        directory / SHARD,
        lambda r: [r[0], altered(label=7)(r)[2], *altered(array=NAN)(r)[2:]],
    )
    flip(directory / VALIDATION, 40)
    (directory / "features.json").unlink()
    text = "\n".join(find_faults(directory))
    for part in (
        f"{TRAIN.format(0)}: missing",
        f"{SHARD}, record 1: label [7]",
        f"{SHARD}, record 2: NaN",
        f"{VALIDATION}, record 0: corrupted",
        "features.json: missing",
    ):
        assert part in text


@pytest.mark.parametrize("kind", ["cls", "image", "multimodal"])
def test_good_sets_have_no_fault(tmp_path, kind):
    for number in range(5):
        counts = {
            "train": (1 + number, 2) + (1,) * number,
            "validation": (3 * number + 1,),
        }
        names = tuple(f"c{label}" for label in range(2 + number))
        directory = tmp_path / kind / f"made-{number}" / "1.0.0"
        shards = record_sets.shards_of(counts, kind, names)
        record_sets.write_set(directory, shards, kind=kind, label_names=names)
        assert find_faults(directory) == []


@pytest.mark.parametrize(
    "count", [30, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_every_changed_byte_is_noticed(directory, count):
    draw = random.Random(0)
    described = {croissant.FILE, data_card.FILE}  # for others, not checked
    files = sorted(p for p in directory.iterdir() if p.name not in described)
    for _ in range(count):
        path = draw.choice(files)
        content = path.read_bytes()
        offset = draw.randrange(len(content))
        changed = bytearray(content)
        changed[offset] ^= draw.randrange(1, 256)
        path.write_bytes(changed)
        found = find_faults(directory)
        path.write_bytes(content)
        if path.name == schema.MANIFEST:  # nothing depends on its `details`
            continue
        assert any(path.name in fault for fault in found), (path, offset)
    assert find_faults(directory) == []


def test_the_reader_refuses_what_the_size_of_a_shard_shows(directory, pristine):
    """Which faults stop a run at its start; the others need `verify`."""
    refused = set()
    for name, damage, *_ in RECORD_FAULTS + SHARD_FAULTS:
        shutil.rmtree(directory)
        shutil.copytree(pristine, directory)
        damage(directory / SHARD)
        try:
            reader.open_records(directory)
        except (FileNotFoundError, ValueError):
            refused.add(name)
    assert refused == {
        "two texts",
        "byte added in front",
        "byte removed in front",
        "byte removed at the end",
        "cut in a record",
        "cut in a header",
        "cut between records",
        "cut to nothing",
        "garbage at the end",
        "one byte at the end",
        "record repeated",
        "record removed",
        "of another set",
        "other feature",
        "swapped with the next",
        "no protocol buffer",
        "empty record",
        "too few values",
        "too many values",
        "label too low",
        "no text",
        "missing",
        "compressed",
        "a directory",
    }


def test_the_command_tells_good_from_bad_by_its_exit_code(
    tmp_path, pristine, directory, capsys
):
    flip(directory / SHARD, start_of(directory / SHARD, 2) + 40)
    sets = [str(pristine), str(directory), str(tmp_path / "none")]
    assert verify.main(sets) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == f"{pristine}: ok"
    assert f"{directory}: {SHARD}, record 2: corrupted record" in captured.out
    assert "none holds no manifest.json" in lines[-1]
    assert "Name that of a set, .../KIND/CONFIG/VERSION." in lines[-1]
    assert captured.err == ""


def test_a_whole_set_is_ok(pristine, capsys):
    assert verify.main([str(pristine)]) == 0
    assert capsys.readouterr().out == f"{pristine}: ok\n"


def test_without_a_directory_the_exit_code_is_2(capsys):
    assert verify.main([]) == 2
    assert "error: DIR must be at least one" in capsys.readouterr().err


def test_an_unknown_flag_is_not_a_directory(capsys):
    with pytest.raises(SystemExit) as caught:
        verify.main(["--deep", "records"])
    assert caught.value.code == 2
    assert "there is no flag --deep" in capsys.readouterr().err


def test_help_of_the_command_does_not_import_tensorflow(tmp_path):
    start = os.times().children_user
    done = commands.run_alone("tfrecords.verify", "--help", cwd=tmp_path)
    # Seconds of the processor: a busy machine does not count.
    assert os.times().children_user - start < 1.5  # TensorFlow takes 3
    assert done.returncode == 0
    assert "python -m tfrecords.verify DIR [DIR ...]" in done.stdout
    assert done.stderr == ""


def test_the_fingerprint_is_that_of_the_provenance(pristine):
    manifest = schema.Manifest.load(pristine)
    assert fingerprint(manifest.provenance) == manifest.fingerprint
