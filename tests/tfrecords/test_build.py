"""Corpus to records: the same bytes after a kill, elsewhere, and again."""

import collections
import csv
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.support import record_sets
from text2image.deepinsight import pixel_map, render
from tfrecords import config, reader, schema
from tfrecords.faults import find_faults
from tfrecords.settings import fingerprint
from tfrecords.stages import images, stacks
from tfrecords.stages.record_sets import pick

NUM_SHARDS = 4  # of either kind: 19 train and 5 validation texts, 8 per shard


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return record_sets.write_csv(
        tmp_path_factory.mktemp("corpus") / "reviews.csv"
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory, run_in_fork, corpus):
    """Records of an uninterrupted build. Not to be changed."""
    directory = tmp_path_factory.mktemp("built") / "records"
    status, log = run_in_fork(
        do="build", settings=record_sets.settings(corpus, directory)
    )
    assert status == 0, log
    return directory


def only(directory, kind):
    (path,) = (directory / kind).glob("*/1.0.0")
    return path


def copy_cls(built, directory):
    shutil.copytree(built / "cls", directory / "cls")
    return only(directory, "cls")


def read(directory, split):
    batches = list(reader.read_records(directory, split).as_numpy_iterator())
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }


def assert_drawn_from(cls_dir, image_dir):
    """Every image is the rendering of its stack by the map beside it."""
    renderer = render.Renderer(pixel_map.PixelMap.load(image_dir))
    for split in ("train", "validation"):
        texts, drawn = read(cls_dir, split), read(image_dir, split)
        assert texts["id"].tolist() == drawn["id"].tolist()
        assert texts["label"].tolist() == drawn["label"].tolist()
        np.testing.assert_array_equal(
            renderer.render(texts["stack"]), drawn["image"]
        )
        assert np.ptp(drawn["image"]) > 0.5


def test_both_sets_are_whole_and_nothing_else_is_left(built):
    for kind in ("cls", "image"):
        assert find_faults(only(built, kind)) == []
    names = [path.name for path in built.rglob("*")]
    assert not [
        name
        for name in names
        if name.startswith(".")
        or name.endswith((".incomplete", ".writing", "journal.json"))
    ]
    assert_drawn_from(only(built, "cls"), only(built, "image"))


def test_records_hold_the_corpus(built, corpus):
    lines = corpus.read_text("utf-8").splitlines()
    by_line = {}
    for split in ("train", "validation"):
        records = read(only(built, "cls"), split)
        by_line |= {
            int(key): (text.decode(), f"c{label}")
            for key, text, label in zip(
                records["id"], records["text"], records["label"], strict=True
            )
        }
        assert np.isfinite(records["stack"]).all()
        assert records["stack"].shape[1:] == (2, 16)
    assert len(by_line) == len(lines) - 1
    for line, (text, label) in by_line.items():
        assert lines[line - 1] == f"{text},{label}"


@pytest.mark.slow
def test_dropped_and_mapped_rows_are_listed_beside_the_records(
    tmp_path, run_in_fork
):
    path = record_sets.write_csv(tmp_path / "reviews.csv")
    with path.open("a", encoding="utf-8") as file:
        file.write(' ,c0\na text,\n"left, out",nan\na fine film,C1\n')
    settings = record_sets.settings(
        path,
        tmp_path / "records",
        bad_rows="drop",
        max_bad_rows=0.1,
        label_map="nan:",
        merge_labels=True,
    )
    status, log = run_in_fork(
        do="build", settings=settings, kill=("_write_journal", 2, "before")
    )
    assert status != 0, log
    status, log = run_in_fork(do="build", settings=settings)
    assert status == 0, log
    directory = only(tmp_path / "records", "cls")
    with (directory / "dropped.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["place", "cause", "content"],
            [
                f"{path}, line 26",
                "empty text",
                '{"text": " ", "label": "c0"}',
            ],
            [
                f"{path}, line 27",
                "no label",
                '{"text": "a text", "label": ""}',
            ],
        ]
    manifest = reader.open_records(directory, kind="cls")
    assert "dropped.csv" in manifest.files
    assert find_faults(directory) == []
    assert manifest.schema.label_names == ("c0", "c1")
    assert sum(map(manifest.num_examples, manifest.splits)) == 25
    assert manifest.details["audit"]["dropped"] == {
        "empty text": 1,
        "no label": 1,
    }
    for words in (
        "line 26: empty text",
        "1 unlabelled in train",
        "1 spelling of labels merged",
    ):
        assert words in log
    labels = {}
    for split in manifest.splits:
        records = read(directory, split)
        labels |= dict(zip(records["id"], records["label"], strict=True))
    names = manifest.schema.label_names
    assert names[labels[b"29"]] == "c1"


def test_details_describe_the_records(built):
    details = schema.Manifest.load(only(built, "cls")).details
    assert details["audit"]["repeats"]["all"] == 0
    assert details["audit"]["num_examples"] == 24
    assert details["layers"] == [6, 7]
    assert details["gelu"] == "exact"
    assert 0 < details["truncated_share"] < 1
    assert 0 < details["unknown_share"] < 0.9
    assert 3 < details["mean_tokens"] <= 64
    assert "tensorflow" in details["versions"]
    manifest = schema.Manifest.load(only(built, "image"))
    assert manifest.details["map"]["num_features"] == 32
    for name in ("mean_tokens", "truncated_share", "unknown_share"):
        assert manifest.details[name] == details[name]
    assert manifest.provenance["cls"] == (
        schema.Manifest.load(only(built, "cls")).fingerprint
    )


@pytest.mark.slow
def test_a_fresh_process_elsewhere_makes_the_same_bytes_and_then_reuses_them(
    tmp_path, run_in_fork, built, corpus
):
    shutil.copy(corpus, tmp_path / "reviews.csv")
    settings = record_sets.settings("reviews.csv", "with a space \N{SNOWMAN} é")
    arguments = [
        f"--{name}={value}"
        for name, value in dataclasses.asdict(settings).items()
        if value != getattr(config.RecordsConfig(), name)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tfrecords.build", *arguments],
        cwd=tmp_path,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if name != "TF_CPP_MIN_LOG_LEVEL"
            },
            "PYTHONPATH": str(record_sets.ROOT),
            "PYTHONHASHSEED": "77",
            "TZ": "Asia/Kathmandu",
            "LC_ALL": "C",
            "LANG": "C",
            "HOME": str(tmp_path / "home"),
        },
        umask=0o077,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    directory = tmp_path / settings.records_dir
    assert record_sets.tree(directory) == record_sets.tree(built)
    for part in ("images: making", "24 texts, 0 exact"):
        assert part in done.stderr
    # Not a word from TensorFlow.
    assert done.stderr.startswith("stacks: making ")
    assert "0000 00:" not in done.stderr
    times = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    again = dataclasses.replace(settings, records_dir=str(directory))
    again = dataclasses.replace(again, dataset=str(corpus))
    status, log = run_in_fork(do="build", settings=again)
    assert status == 0, log
    for kind, word in (("cls", "stacks"), ("image", "images")):
        assert f"{word}: reusing {only(directory, kind)}" in log
    assert "making" not in log
    assert "24 texts, 0 exact repeats" in log
    assert times == {
        path: path.stat().st_mtime_ns for path in directory.rglob("*")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "count"),
    [
        (call, count)
        for call, counts in (
            ("settle", (3,)),  # all of them: the chain below
            ("_write_journal", (1, 2)),
            ("publish", (1,)),
        )
        for count in counts
    ],
)
def test_a_build_killed_while_encoding_resumes_to_the_same_bytes(
    tmp_path, run_in_fork, built, corpus, call, count
):
    settings = record_sets.settings(corpus, tmp_path / "records")
    when = "before" if call == "_write_journal" else "after"
    task = {"do": "build", "settings": settings}
    status, log = run_in_fork(**task, kill=(call, count, when))
    assert status == -9, log
    status, log = run_in_fork(**task)
    assert status == 0, log
    if call == "settle":
        assert f"resuming after {count} finished files" in log
    assert record_sets.tree(tmp_path / "records") == record_sets.tree(built)


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("settle", 1),
        *(
            pytest.param(call, count, marks=pytest.mark.slow)
            for call, counts in (
                ("settle", (3,)),
                ("_write_journal", (1, 2)),
                ("replace", range(1, 13, 2)),
                ("publish", (1,)),
            )
            for count in counts
        ),
    ],
)
def test_a_build_killed_while_drawing_resumes_to_the_same_bytes(
    tmp_path, run_in_fork, built, corpus, call, count
):
    directory = tmp_path / "records"
    copy_cls(built, directory)
    task = {"do": "build", "settings": record_sets.settings(corpus, directory)}
    when = "after" if call == "settle" else "before"
    status, log = run_in_fork(**task, kill=(call, count, when))
    assert status == -9, log
    status, log = run_in_fork(**task)
    assert status == 0, log
    if call == "settle":
        # A map fitted again could differ from the one already used.
        assert "map: reusing the one of the finished shards" in log
    assert record_sets.tree(directory) == record_sets.tree(built)


@pytest.mark.slow
def test_a_chain_of_kills_ends_in_the_same_bytes(
    tmp_path, run_in_fork, built, corpus
):
    task = {
        "do": "build",
        "settings": record_sets.settings(corpus, tmp_path / "records"),
    }
    for _ in range(2 * NUM_SHARDS):  # one shard a run
        status, log = run_in_fork(**task, kill=("settle", 1, "after"))
        assert status == -9, log
    assert run_in_fork(**task)[0] == 0
    assert record_sets.tree(tmp_path / "records") == record_sets.tree(built)


@pytest.mark.slow
def test_other_classes_image_sizes_and_scalers_can_be_built(
    tmp_path, run_in_fork
):
    corpus = record_sets.write_csv(tmp_path / "three.csv", count=36, classes=3)
    settings = record_sets.settings(
        corpus,
        tmp_path / "records",
        image_height=5,
        image_width=9,
        scaler="standard",
        projection="tsne",
        perplexity=4.0,
        tsne_iterations=300,
        layers="2-3",
        max_tokens=16,
    )
    status, log = run_in_fork(do="build", settings=settings)
    assert status == 0, log
    cls_dir = only(tmp_path / "records", "cls")
    image_dir = only(tmp_path / "records", "image")
    manifest = reader.open_records(image_dir, kind="image")
    assert manifest.schema.shape == (5, 9, 1)
    assert manifest.schema.label_names == ("c0", "c1", "c2")
    assert manifest.details["audit"]["validation"] == {
        "c0": 2,
        "c1": 2,
        "c2": 2,
    }
    assert_drawn_from(cls_dir, image_dir)
    # A different scaler makes a second set of images of the same stacks.
    other = dataclasses.replace(settings, scaler="norm2", projection="pca")
    other_dir = images.prepare_images(other, cls_dir)
    assert other_dir != image_dir
    assert_drawn_from(cls_dir, other_dir)
    assert find_faults(other_dir) == find_faults(image_dir) == []


OTHER_VALUES = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value + 1.0,
    str: lambda value: value + "x",
}
OTHER_VALUE_OF = {"label_map": "0:neg", "max_bad_rows": 0.5}
# Identified by content, or without effect on the records.
# How a file is read enters as what differs from the usual, guessed or said.
BY_CONTENT = {
    *("dataset", "encoder", "stacks"),
    *("encoding", "delimiter", "quoting", "columns"),
}
WITHOUT_EFFECT = {"data_dir", "download", "max_bad_rows", "records_dir"}


def test_every_setting_affects_stacks_or_images_or_neither():
    groups = (
        set(stacks.SETTINGS),
        set(images.SETTINGS),
        BY_CONTENT,
        WITHOUT_EFFECT,
    )
    names = [field.name for field in dataclasses.fields(config.RecordsConfig)]
    assert sorted(name for group in groups for name in group) == sorted(names)


@pytest.mark.parametrize(
    "field", dataclasses.fields(config.RecordsConfig), ids=lambda f: f.name
)
def test_a_setting_that_matters_changes_the_fingerprint(field):
    def fingerprints(settings):
        return [
            fingerprint(pick(settings, names))
            for names in (stacks.SETTINGS, images.SETTINGS)
        ]

    is_slice = field.name in ("train_split", "validation_split")
    settings = config.RecordsConfig(split="official" if is_slice else "pooled")
    choices = [c for c in field.metadata["choices"] if c != field.default]
    value = (
        choices[-1]  # "auto" comes first, then what it may mean
        if choices
        else OTHER_VALUE_OF.get(
            field.name, OTHER_VALUES[type(field.default)](field.default)
        )
    )
    other = dataclasses.replace(settings, **{field.name: value})
    changed = [
        first != second
        for first, second in zip(
            fingerprints(settings), fingerprints(other), strict=True
        )
    ]
    assert changed == [
        field.name in stacks.SETTINGS,
        field.name in images.SETTINGS,
    ]


def test_different_texts_or_encoders_have_different_stacks(
    tmp_path, run_in_fork, built, corpus
):
    """Content decides, not the name of a file."""
    directory = tmp_path / "records"
    copy_cls(built, directory)
    encoder = tmp_path / "tiny_bert"
    shutil.copytree(record_sets.TINY_BERT, encoder)
    vocabulary = encoder / "vocab.txt"
    vocabulary.write_text(vocabulary.read_text("utf-8") + "spam\n", "utf-8")
    edited = tmp_path / corpus.name
    edited.write_text(corpus.read_text("utf-8").replace("film 3", "film x"))
    for settings in (
        record_sets.settings(edited, directory),
        record_sets.settings(corpus, directory, encoder=str(encoder)),
    ):
        # Far enough to see what is made.
        _, log = run_in_fork(
            do="build", settings=settings, kill=("_write_journal", 1, "before")
        )
        assert "stacks: making" in log, log
        assert "reusing" not in log


@pytest.fixture
def settings(tmp_path, corpus):
    return record_sets.settings(corpus, tmp_path / "records")


def test_damaged_stacks_are_not_drawn(settings, built):
    cls_dir = copy_cls(built, pathlib.Path(settings.records_dir))
    (shard,) = cls_dir.glob("*train*00001-of-*")
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(ValueError, match=r"tfrecords\.verify") as caught:
        images.prepare_images(settings, cls_dir)
    assert str(cls_dir) in str(caught.value)
    image_sets = pathlib.Path(settings.records_dir) / "image"
    assert not list(image_sets.glob("*/1.0.0"))


def test_a_set_with_a_different_provenance_in_its_place_is_refused(
    settings, built
):
    directory = pathlib.Path(settings.records_dir)
    cls_dir = copy_cls(built, directory)
    image_dir = images.prepare_images(settings, cls_dir)
    shutil.rmtree(image_dir)
    record_sets.write_set(  # whole, but made from something else
        image_dir,
        record_sets.shards_of({"train": (2,), "validation": (1,)}, "image"),
        kind="image",
    )
    assert find_faults(image_dir) == []
    with pytest.raises(ValueError, match="fingerprint"):
        images.prepare_images(settings, cls_dir)


def test_image_records_are_not_taken_for_stacks(settings, built):
    with pytest.raises(ValueError, match="must hold 'cls' records"):
        images.prepare_images(settings, only(built, "image"))


def test_a_set_that_lost_its_manifest_is_not_reused(settings, built):
    cls_dir = copy_cls(built, pathlib.Path(settings.records_dir))
    (cls_dir / schema.MANIFEST).unlink()
    with pytest.raises(FileNotFoundError, match="delete it and build"):
        stacks.prepare_cls(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "none.csv"}, "none.csv"),
        ({"text_key": "review"}, "--text_key"),
        ({"encoder": "nowhere/bert"}, "nowhere/bert"),
        ({"layers": "5-12"}, "layers"),
        ({"max_tokens": 65}, "max_tokens"),
        ({"split": "official"}, "--split=pooled"),
        ({"limit_validation": 1}, "Every class needs examples in validation"),
    ],
)
def test_what_cannot_be_built_is_explained(
    run_in_fork, settings, changes, message
):
    status, log = run_in_fork(
        do="build", settings=dataclasses.replace(settings, **changes)
    )
    assert status == 3, log
    assert message in log
    assert not list(pathlib.Path(settings.records_dir).rglob("*.tfrecord*"))


def test_a_records_dir_that_cannot_be_created_is_named(
    run_in_fork, settings, tmp_path
):
    (tmp_path / "file").touch()
    records_dir = tmp_path / "file" / "records"
    status, log = run_in_fork(
        do="build",
        settings=dataclasses.replace(settings, records_dir=str(records_dir)),
    )
    assert status == 3, log
    assert str(tmp_path / "file") in log


def test_too_small_a_disk_is_refused_before_anything_is_made(
    settings, built, monkeypatch
):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9e9, 8e9, 1e9))
    large = dataclasses.replace(settings, image_height=4096, image_width=4096)
    cls_dir = copy_cls(built, pathlib.Path(settings.records_dir))
    with pytest.raises(OSError, match=r"needs about .* GB") as caught:
        images.prepare_images(large, cls_dir)
    assert "--records_dir" in str(caught.value)


@pytest.mark.slow
def test_limits_are_applied_and_logged(tmp_path, run_in_fork, corpus):
    settings = record_sets.settings(
        corpus, tmp_path / "records", limit_train=8, limit_validation=2
    )
    status, log = run_in_fork(do="build", settings=settings)
    assert status == 0, log
    manifest = reader.open_records(only(tmp_path / "records", "image"))
    assert manifest.num_examples("train") == 8
    assert manifest.num_examples("validation") == 2
    assert "train {'c0': 4, 'c1': 4}" in log
    assert json.loads(manifest.dumps())["details"]["audit"]["left_out"] == 14
