"""Multimodal records: complete, counted, and split as asked."""

import collections
import csv
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.support import multimodal_corpora
from tests.support.record_sets import tree
from text2image.bert import encoder
from tfrecords import reader, schema
from tfrecords.faults import find_faults
from tfrecords.stages import multimodal


def rows(directory):
    manifest = reader.open_records(directory, kind="multimodal")
    return {
        split: [
            {name: value[i] for name, value in batch.items()}
            for batch in reader.read_records(
                directory, split, manifest=manifest
            ).as_numpy_iterator()
            for i in range(len(batch["id"]))
        ]
        for split in manifest.splits
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("multimodal")
    path = multimodal_corpora.write_jsonl(root)
    both = multimodal_corpora.settings(path, root / "records")
    return root, both, multimodal.prepare_multimodal(*both)


def test_every_sample_is_in_one_split_with_its_image_and_texts(built):
    root, _, directory = built
    found = [row for split in rows(directory).values() for row in split]
    assert len(found) == 60
    names = reader.open_records(directory).schema.label_names
    by_line = {int(row["id"]) - 1: row for row in found}
    for number, (image, *texts, label) in enumerate(
        multimodal_corpora.rows(60)
    ):
        row = by_line[number]
        assert row["image"] == (root / image).read_bytes()
        assert row["title"].decode() == texts[0]
        assert row["description"].decode() == texts[1]
        assert names[row["label"]] == label
        for vector, text in zip(row["text_vectors"], texts, strict=True):
            assert bool(np.abs(vector).sum()) == bool(text)


@pytest.mark.slow
def test_the_layers_of_a_text_are_concatenated(tmp_path, tiny_bert):
    corpus = multimodal_corpora.write_jsonl(tmp_path / "corpus", 24)
    settings = multimodal_corpora.settings(
        corpus, tmp_path / "records", text_layers="3-5", pooling="mean"
    )
    directory = multimodal.prepare_multimodal(*settings)
    bert = encoder.Encoder(
        tiny_bert, layers="3-5", max_tokens=32, pooling="mean"
    )
    row = next(r for r in rows(directory)["train"] if r["title"])
    expected, _ = bert.encode([row["title"].decode()])
    np.testing.assert_allclose(
        row["text_vectors"][0], expected[0].ravel(), atol=1e-5
    )


@pytest.mark.slow
def test_vectors_are_those_of_the_encoder(built, tiny_bert):
    _, _, directory = built
    bert = encoder.Encoder(tiny_bert, layers="last1", max_tokens=32)
    row = next(r for r in rows(directory)["train"] if r["title"])
    expected, _ = bert.encode([row["title"].decode()])
    # A different batch is padded to a different length.
    np.testing.assert_allclose(
        row["text_vectors"][0], expected[0, 0], atol=1e-5
    )


def test_held_out_is_stratified_and_halved(built):
    _, _, directory = built
    for split, count in (("train", 12), ("validation", 4), ("test", 4)):
        labels = collections.Counter(r["label"] for r in rows(directory)[split])
        assert labels == {0: count, 1: count, 2: count}


def test_missing_texts_are_counted_by_source(built):
    _, _, directory = built
    details = reader.open_records(directory).details
    empty = [row[1:3] for row in multimodal_corpora.rows(60)]
    assert details["missing"] == {
        "train": {
            "samples": 60,
            "title": sum(not title for title, _ in empty),
            "description": sum(not text for _, text in empty),
        }
    }
    assert details["broken"] == []


def test_existing_records_are_reused_unchanged(built):
    root, _, directory = built
    before = tree(directory)
    again = multimodal_corpora.settings(
        root / "made.jsonl", directory.parents[2]
    )
    assert multimodal.prepare_multimodal(*again) == directory
    assert tree(directory) == before


def test_tfds_reads_images_and_texts(built):
    _, _, directory = built
    builder = tfds.builder_from_directory(directory)
    assert isinstance(builder.info.features["image"], tfds.features.Image)
    found = next(iter(tfds.as_numpy(builder.as_dataset(split="train"))))
    assert found["image"].shape == (12, 10, 3)
    assert found["text_vectors"].shape == (2, 16)
    assert find_faults(directory) == []


@pytest.mark.slow
def test_a_tfds_directory_of_records_is_a_corpus_again(built, tmp_path):
    _, _, directory = built
    settings = multimodal_corpora.settings(
        directory, tmp_path, split="official"
    )
    again = multimodal.prepare_multimodal(*settings)
    for split, expected in rows(directory).items():
        found = rows(again)[split]
        assert [r["image"] for r in found] == [r["image"] for r in expected]
        assert [r["label"] for r in found] == [r["label"] for r in expected]


@pytest.mark.slow
def test_broken_and_missing_images_are_all_named_or_dropped(tmp_path):
    path = multimodal_corpora.write_jsonl(tmp_path)
    (tmp_path / "images/3.jpg").unlink()
    whole = (tmp_path / "images/7.jpg").read_bytes()
    (tmp_path / "images/7.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "images/9.jpg").write_bytes(b"")
    (tmp_path / "images/0.jpg").write_bytes(
        multimodal_corpora.jpeg(0, fmt="png")
    )
    with pytest.raises(ValueError, match="3 of 60 images") as error:
        multimodal.prepare_multimodal(
            *multimodal_corpora.settings(path, tmp_path)
        )
    for line in ("line 4: no such file", "line 8: not a whole", "line 10: not"):
        assert line in str(error.value)
    directory = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(path, tmp_path, broken_images="drop")
    )
    found = {
        int(r["id"]): r for split in rows(directory).values() for r in split
    }
    assert set(found) == set(range(1, 61)) - {4, 8, 10}
    # Another format is recorded as JPEG.
    assert found[1]["image"].startswith(b"\xff\xd8\xff")
    assert len(reader.open_records(directory).details["broken"]) == 3


@pytest.mark.slow
def test_samples_without_an_image_are_broken_ones(tmp_path):
    path = multimodal_corpora.write_jsonl(tmp_path)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines[3]["image"] = None
    del lines[5]["image"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    directory = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(path, tmp_path, broken_images="drop")
    )
    found = {int(r["id"]) for split in rows(directory).values() for r in split}
    assert found == set(range(1, 61)) - {4, 6}


@pytest.mark.parametrize("choice", ["refuse", "drop"])
def test_a_corpus_without_any_image_is_refused_whatever_may_be_dropped(
    tmp_path, choice
):
    path = multimodal_corpora.write_jsonl(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"image"', '"img"'))
    with pytest.raises(ValueError, match=r"60 of 60.*\n.*--image_key") as error:
        multimodal.prepare_multimodal(
            *multimodal_corpora.settings(path, tmp_path, broken_images=choice)
        )
    assert "--broken_images" not in str(error.value)  # nothing would be left


def test_a_folder_of_images_per_class_makes_records(tmp_path):
    for number in range(24):
        image = tmp_path / f"data/{number % 3}/{number}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(multimodal_corpora.jpeg(number))
    directory = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(tmp_path / "data", tmp_path)
    )
    names = reader.open_records(directory).schema.label_names
    found = [row for split in rows(directory).values() for row in split]
    assert len(found) == 24
    for row in found:
        assert row["id"].decode().split("/")[0] == names[row["label"]]
        assert (row["title"], row["description"]) == (b"", b"")
        assert not row["text_vectors"].any()


@pytest.mark.slow
def test_samples_with_equal_texts_are_in_one_split_if_asked(built, tmp_path):
    _, _, directory = built
    path = multimodal_corpora.write_jsonl(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines * 2), "utf-8")
    twice = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(
            path, tmp_path, split_by_text=True, pooling="mean"
        )
    )
    sides = collections.defaultdict(set)
    vectors = {}
    for split, found in rows(twice).items():
        for row in found:
            if row["title"]:
                sides[row["title"], row["description"]].add(split)
                vectors[row["title"]] = row["text_vectors"][0]
    assert all(len(splits) == 1 for splits in sides.values())
    assert set.union(*sides.values()) == {"train", "validation", "test"}
    # And means over tokens are not [CLS].
    row = next(r for r in rows(directory)["train"] if r["title"])
    assert np.abs(vectors[row["title"]] - row["text_vectors"][0]).max() > 1e-3


@pytest.mark.slow
def test_pooled_webvision_uses_only_the_noisy_part(tmp_path):
    root = multimodal_corpora.write_webvision(tmp_path / "wv")
    pooled = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(root, tmp_path)
    )
    assert sum(len(found) for found in rows(pooled).values()) == 60
    missing = reader.open_records(pooled).details["missing"]
    assert set(missing) == {"google", "flickr"}
    official = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(root, tmp_path, split="official")
    )
    found = rows(official)
    assert {name: len(value) for name, value in found.items()} == {
        "train": 60,
        "validation": 6,
    }
    assert not any(row["text_vectors"].any() for row in found["validation"])


@pytest.mark.slow
def test_an_interrupted_build_resumes_to_the_same_bytes(
    built, tmp_path, monkeypatch
):
    root, _, directory = built
    settings = multimodal_corpora.settings(root / "made.jsonl", tmp_path)
    serialize = schema.Schema.serialize
    calls = []

    def stop(*arguments, **strings):
        calls.append(1)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return serialize(*arguments, **strings)

    monkeypatch.setattr(schema.Schema, "serialize", stop)
    with pytest.raises(KeyboardInterrupt):
        multimodal.prepare_multimodal(*settings)
    monkeypatch.undo()
    again = multimodal.prepare_multimodal(*settings)
    assert tree(again) == tree(directory)


def test_a_key_that_no_sample_has_is_refused(built, tmp_path):
    path = built[0] / "made.jsonl"
    with pytest.raises(ValueError, match=r"no 'titel' among .*--title_key"):
        multimodal.prepare_multimodal(
            *multimodal_corpora.settings(path, tmp_path, title_key="titel")
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("held_out", [0.0, 1.0])
def test_a_held_out_share_of_nothing_or_everything_is_refused(
    tmp_path, held_out
):
    with pytest.raises(ValueError, match="--held_out"):
        multimodal_corpora.settings("x.jsonl", tmp_path, held_out=held_out)


@pytest.mark.slow
def test_label_flags_and_bad_rows_apply_to_captioned_images(tmp_path):
    path = multimodal_corpora.write_jsonl(tmp_path)
    with path.open("a", encoding="utf-8") as file:
        for label, title in (
            ("Rot", "t"),
            (None, "t"),
            ("", "t"),
            ("blau", "\ud83d"),
        ):
            row = {"image": "images/0.jpg", "label": label, "title": title}
            file.write(json.dumps(row) + "\n")
    records_dir = tmp_path / "records"
    with pytest.raises(ValueError, match="the label is empty"):
        multimodal.prepare_multimodal(
            *multimodal_corpora.settings(path, records_dir)
        )
    directory = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(
            path,
            records_dir,
            bad_rows="drop",
            label_map="grün:gruen",
            merge_labels=True,
            min_class_size=2,
        )
    )
    manifest = reader.open_records(directory)
    assert manifest.schema.label_names == ("blau", "gruen", "rot")
    assert sum(map(manifest.num_examples, manifest.splits)) == 61
    audit = manifest.details["audit"]
    assert audit["unlabelled"] == {"train": 1}
    assert audit["dropped"] == {"lone surrogate": 1, "no label": 1}
    assert audit["merged"] == {"Rot": "rot"}
    with (directory / "dropped.csv").open(newline="") as file:
        places = [row["place"] for row in csv.DictReader(file)]
    assert places == [f"{path}, line 63", f"{path}, line 64"]
