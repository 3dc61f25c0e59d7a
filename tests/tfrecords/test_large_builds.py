"""A set of many shards is built, drawn and read as one of few, anywhere."""

import uuid

import pytest

from tests.support import record_sets
from tfrecords import build, faults, paths, reader, schema, shard_lists


def contents(directory, names):
    return {name: (directory / name).read_bytes() for name in sorted(names)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return record_sets.write_csv(tmp_path_factory.mktemp("corpus") / "c.csv")


@pytest.fixture(scope="module")
def few(corpus):
    return build.prepare_records(settings(corpus, corpus.parent / "few"))


def settings(corpus, root):
    return record_sets.settings(corpus, root, examples_per_shard=4)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["disk", "store"])
def test_a_build_of_many_shards_has_the_same_shards_and_map(
    tmp_path, monkeypatch, corpus, few, where
):
    monkeypatch.setattr(shard_lists, "LIMIT", 2)
    root = tmp_path / "many"
    if where == "store":
        root = paths.open_path(f"ram://{uuid.uuid4().hex}/records")
    many = build.prepare_records(settings(corpus, root))
    for directory, expected in zip(many, few, strict=True):
        manifest = reader.open_records(directory)
        assert manifest.num_shards > 2
        listed = {f"shards-{split}.txt" for split in manifest.splits}
        names = {path.name for path in directory.iterdir()}
        others = {path.name for path in expected.iterdir()}
        assert names == others | listed
        same = others - {
            *(schema.MANIFEST, "manifest.sha256"),
            "croissant.json",  # names no shards of a large set
        }
        assert contents(directory, same) == contents(expected, same)
        assert faults.find_faults(directory) == []
    assert build.prepare_records(settings(corpus, root)) == many
