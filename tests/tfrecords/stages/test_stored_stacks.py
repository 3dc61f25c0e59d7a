"""`--stacks`: records of vectors that exist already."""

import csv
import dataclasses

import numpy as np
import pytest

from tests.support import commands, record_sets
from text2image.deepinsight.pixel_map import PixelMap
from tfrecords import build, reader
from tfrecords.stages import stored_stacks

N = 60
RNG = np.random.default_rng(1)
LABELS = np.array([("neg", "pos")[row % 2] for row in range(N)])
STACKS = RNG.standard_normal((N, 2, 5), np.float32)
IDS = np.array([f"key-{row:02}" for row in range(N)])
IN_PROCESS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
)


def settings(stacks, directory, **changes):
    return record_sets.settings(
        "demo", directory, stacks=str(stacks), perplexity=3.0, **changes
    )


def vectors(directory, name="vectors", **extras):
    path = directory / f"{name}.npz"
    arrays = {"stacks": STACKS, "labels": LABELS, "ids": IDS}
    np.savez(path, **{**arrays, **extras})
    return path


def rows_of(cls_dir):
    return {
        key.decode(): (split, int(label), stack.tolist(), text.decode())
        for split in reader.open_records(cls_dir).splits
        for batch in reader.read_records(cls_dir, split).as_numpy_iterator()
        for key, label, stack, text in zip(
            *(batch[name] for name in ("id", "label", "stack", "text")),
            strict=True,
        )
    }


@pytest.mark.parametrize("split", ["pooled", "hashed"])
def test_every_row_becomes_a_record_on_one_side(tmp_path, split):
    path = vectors(tmp_path)
    chosen = settings(path, tmp_path / "records", split=split)
    cls_dir, image_dir = build.prepare_records(chosen)
    rows = rows_of(cls_dir)
    assert {key: row[1:] for key, row in rows.items()} == {
        key: (row % 2, STACKS[row].tolist(), "")
        for row, key in enumerate(IDS.tolist())
    }
    manifest = reader.open_records(cls_dir)
    held_out = manifest.num_examples("validation")
    assert held_out == 12 if split == "pooled" else 4 < held_out < 25
    assert len(manifest.splits["train"]) > 4
    assert sum(manifest.details["audit"]["train"].values()) == N - held_out
    assert not (cls_dir / "sides.bin").exists()
    images = reader.open_records(image_dir)
    assert images.num_examples("validation") == held_out
    assert images.details["encoder"] is None
    assert images.details["vectors"] == str(path)


def test_a_side_of_hashes_depends_on_ids_alone(tmp_path):
    def sides(name, stacks):
        path = vectors(tmp_path, name, stacks=stacks)
        cls_dir = stored_stacks.prepare_stacks(
            settings(path, tmp_path / "records", split="hashed")
        )
        return {key: row[0] for key, row in rows_of(cls_dir).items()}

    first = sides("one", STACKS)
    assert set(first.values()) == {"train", "validation"}
    assert sides("other", STACKS[:, :1] + 1) == first


@pytest.mark.parametrize("protocol", ["pooled", "hashed", "official"])
def test_a_column_of_sides_is_followed(tmp_path, protocol):
    split = np.array(
        [("train", "validation", "test")[row // 2 % 4 % 3] for row in range(N)]
    )
    path = vectors(tmp_path, split=split)
    cls_dir = stored_stacks.prepare_stacks(
        settings(path, tmp_path / "records", split=protocol)
    )
    assert {key: row[0] for key, row in rows_of(cls_dir).items()} == {
        key: side
        for key, side in zip(IDS.tolist(), split.tolist(), strict=True)
        if side != "test"
    }


def test_equal_rows_are_on_one_side(tmp_path):
    stacks = np.concatenate([STACKS, STACKS])
    path = tmp_path / "vectors.npz"
    np.savez(path, stacks=stacks, labels=np.concatenate([LABELS, LABELS]))
    for split in ("pooled", "hashed"):
        cls_dir = stored_stacks.prepare_stacks(
            settings(path, tmp_path / "records", split=split)
        )
        rows = rows_of(cls_dir)
        for row in range(1, N + 1):
            assert rows[f"row-{row}"] == rows[f"row-{row + N}"]
        audit = reader.open_records(cls_dir).details["audit"]
        assert audit["repeats"]["all"] == N


@pytest.mark.parametrize("split", ["pooled", "hashed"])
def test_rows_that_are_not_finite_are_refused_or_dropped(tmp_path, split):
    stacks = STACKS.copy()
    stacks[[3, 40], 1, 2] = np.nan
    path = vectors(tmp_path, stacks=stacks)
    chosen = settings(path, tmp_path / "records", split=split)
    with pytest.raises(ValueError, match="row 4: every number must be finite"):
        build.prepare_records(chosen)
    chosen = dataclasses.replace(chosen, bad_rows="drop")
    cls_dir, _ = build.prepare_records(chosen)
    assert set(rows_of(cls_dir)) == {*IDS.tolist()} - {"key-03", "key-40"}
    with (cls_dir / "dropped.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0].rpartition(" ")[2] for row in rows[1:]] == ["4", "41"]


@pytest.mark.slow
@pytest.mark.parametrize("split", ["pooled", "hashed"])
def test_beam_leaves_the_same_bytes(tmp_path, split):
    pytest.importorskip("apache_beam")
    path = vectors(tmp_path)
    trees = []
    for runner, *flags in (("local",), ("beam", *IN_PROCESS)):
        chosen = settings(path, tmp_path / runner, split=split)
        for directory in build.prepare_records(chosen, runner, *flags):
            trees.append(record_sets.tree(directory))
    assert trees[:2] == trees[2:]


@pytest.mark.slow
def test_the_same_settings_reuse_the_records(tmp_path, caplog):
    chosen = settings(vectors(tmp_path), tmp_path / "records")
    first = build.prepare_records(chosen)
    with caplog.at_level("INFO", "absl"):
        assert build.prepare_records(chosen) == first
    assert "stacks: reusing" in caplog.text
    vectors(tmp_path, stacks=STACKS + 1)
    assert build.prepare_records(chosen)[0] != first[0]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Records of an encoder: settings, `cls` and `image` directory."""
    directory = tmp_path_factory.mktemp("encoded")
    chosen = record_sets.settings(
        record_sets.write_csv(directory / "reviews.csv"), directory / "records"
    )
    return chosen, *build.prepare_records(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["version", "config"])
def test_finished_records_are_used_as_they_are(tmp_path, encoded, name):
    chosen, cls_dir, image_dir = encoded
    path = {"version": cls_dir, "config": cls_dir.parent}[name]
    again = dataclasses.replace(
        chosen, dataset="demo", stacks=str(path), records_dir=str(tmp_path)
    )
    before = record_sets.tree(cls_dir)
    found, drawn = build.prepare_records(again)
    assert found == cls_dir
    assert record_sets.tree(cls_dir) == before
    assert record_sets.tree(drawn) == record_sets.tree(image_dir)
    assert not (tmp_path / "cls").exists()


def test_images_are_no_stacks(encoded):
    with pytest.raises(ValueError, match="must hold 'cls' records"):
        stored_stacks.prepare_stacks(settings(encoded[2], "absent"))
    with pytest.raises(FileNotFoundError, match=r"Name records/cls/NAME/1.0.0"):
        stored_stacks.prepare_stacks(settings("absent", "absent"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": "layers"}, "multiple of 3. Received: 2 layers"),
        ({"assignment": "lsa", "image_height": 2}, "one pixel per feature"),
        ({"split": "official"}, "needs parts"),
    ],
)
def test_what_no_map_or_split_fits_is_refused(tmp_path, changes, words):
    records = tmp_path / "records"
    chosen = settings(vectors(tmp_path), records, **changes)
    with pytest.raises(ValueError, match=words):
        build.prepare_records(chosen)
    assert not records.exists()


@pytest.mark.parametrize(
    ("stacks", "flag", "reason"),
    [
        ("v.npz", "--encoder=mini", "has vectors already"),
        ("v.parquet", "--layers=last1", "has vectors already"),
        ("v.npz", "--max_tokens=32", "has vectors already"),
        ("v.npz", "--encoder_dtype=float32", "has vectors already"),
        ("v.npz", "--dataset=demo", "has vectors already"),
        ("v.npz", "--text_key=text", "has vectors already"),
        ("records", "--encoder=mini", "has vectors already"),
        ("records", "--split=hashed", "names finished records"),
        ("records", "--examples_per_shard=9", "names finished records"),
    ],
)
def test_flags_without_effect_are_refused(capsys, stacks, flag, reason):
    assert commands.exit_code(build.main, [f"--stacks={stacks}", flag]) == 1
    message = capsys.readouterr().err
    assert f"{flag.partition('=')[0]} would have no effect" in message
    assert reason in message


def test_the_map_of_vectors_is_that_of_their_features(tmp_path):
    chosen = settings(vectors(tmp_path), tmp_path / "records")
    _, image_dir = build.prepare_records(chosen)
    assert PixelMap.load(image_dir).num_features == 10
