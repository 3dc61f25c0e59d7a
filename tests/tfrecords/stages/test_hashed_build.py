"""Records split by hashes of the texts, range by range."""

import collections

import pytest

from tests.support import record_sets
from text2image.corpora import texts
from tfrecords import build, reader
from tfrecords.stages import dealing

IN_PROCESS = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Rows with a copy, a contradiction, and two that cannot be used."""
    path = tmp_path_factory.mktemp("corpus") / "reviews.csv"
    record_sets.write_csv(path, count=60)
    with path.open("a", encoding="utf-8") as file:
        file.write('a  Copy,c0\n"A\ncopy",c0\nA copy,c1\n ,c0\nfilm,\n')
    return path


def settings(corpus, directory):
    return record_sets.settings(
        corpus,
        directory,
        split="hashed",
        examples_per_shard=8,
        bad_rows="drop",
        max_bad_rows=0.1,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory, corpus):
    directory = tmp_path_factory.mktemp("built") / "records"
    cls_dir, _ = build.prepare_records(settings(corpus, directory))
    return cls_dir


@pytest.mark.slow
def test_every_text_is_on_the_side_of_its_hash(built, corpus):
    source = texts.open_corpus(str(corpus))
    parts = dealing.split(settings(corpus, built), source)
    expected = collections.defaultdict(dict)
    rows = (item for read in source.parts.values() for item in read())
    for side, item in zip(parts.side, rows, strict=True):
        if side < 2:
            split = ("train", "validation")[side]
            label = parts.label_index[item.label]
            expected[split][item.id] = (item.text, label)
    manifest = reader.open_records(built)
    assert manifest.details["audit"] == parts.audit
    assert parts.audit["contradictions"]["texts"] == 1
    assert len(manifest.splits["train"]) > 3
    for split in manifest.splits:
        found = {}
        for batch in reader.read_records(built, split).as_numpy_iterator():
            for key, text, label in zip(
                batch["id"], batch["text"], batch["label"], strict=True
            ):
                found[key.decode()] = (text.decode(), int(label))
        assert found == expected[split]


@pytest.mark.slow
def test_the_rows_that_are_dropped_are_listed(built):
    lines = (built / "dropped.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == [
        "empty text",
        "no label",
    ]


@pytest.mark.slow
def test_beam_leaves_the_same_bytes(tmp_path, built, corpus):
    pytest.importorskip("apache_beam")
    cls_dir, _ = build.prepare_records(
        settings(corpus, tmp_path / "records"), "beam", *IN_PROCESS
    )
    assert record_sets.tree(cls_dir) == record_sets.tree(built)
