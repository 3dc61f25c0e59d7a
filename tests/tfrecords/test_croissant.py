"""What describes records to others: Croissant and the card."""

import dataclasses
import hashlib
import json
import re

import pytest

from tests.support import record_sets
from tfrecords import croissant, data_card, reader


@pytest.fixture
def records(make_image_records):
    directory = make_image_records(label_names=("neg", "pos"))
    return directory, reader.open_records(directory)


def test_every_reference_leads_somewhere(records):
    directory, manifest = records
    described = croissant.describe("made", manifest)
    ids = {item["@id"] for item in described["distribution"]}
    assert len(ids) == len(described["distribution"])
    assert [r["name"] for r in described["recordSet"]] == [
        "train",
        "validation",
    ]
    for record_set in described["recordSet"]:
        names = [field["name"] for field in record_set["field"]]
        assert names == ["id", "label", "image"]
        for field in record_set["field"]:
            assert field["source"]["fileSet"]["@id"] in ids
            assert field["source"]["extract"]["column"] == field["name"]
    shards = [x for x in described["distribution"] if "sha256" in x]
    assert len(shards) == 2
    for shard in shards:
        content = (directory / shard["contentUrl"]).read_bytes()
        assert shard["contentSize"] == f"{len(content)} B"
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
    terms = set(re.findall(r"cr:(\w+)", json.dumps(described)))
    assert {"FileObject", "FileSet", "RecordSet", "Field"} <= terms


def test_mlcroissant_reads_it(records, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    croissant.write(tmp_path, "made", records[1])
    dataset = mlcroissant.Dataset(jsonld=tmp_path / croissant.FILE)
    assert dataset.metadata.name == "made"
    assert not dataset.metadata.issues.errors


def test_a_set_is_published_with_both_and_neither_is_a_part_of_it(records):
    directory, manifest = records
    for name, module in ((croissant.FILE, croissant), (data_card.FILE, None)):
        path = directory / name
        if module is not None:
            value = module.describe(directory.parent.name, manifest)
            assert json.loads(path.read_text("utf-8")) == value
        assert name not in manifest.dumps()
        path.unlink()
    assert reader.open_records(directory).dumps() == manifest.dumps()


def test_the_card_says_what_is_known(records):
    _, manifest = records
    card = data_card.compose("made", manifest)
    assert "Fingerprint " + manifest.fingerprint in card
    assert "- train: 24 examples" in card
    assert "Licence: that of the corpus, which is not known here" in card
    assert data_card.compose("made", manifest) == card


def test_the_card_says_of_its_kind_what_is_true(records):
    _, images = records
    assert "read back from the pixels" in data_card.compose("made", images)
    captioned = dataclasses.replace(
        images, schema=record_sets.schema_of("multimodal")
    )
    card = data_card.compose("made", captioned)
    assert "Images with their texts, and vectors of the texts" in card
    assert "read back from the pixels" not in card
    details = {**images.details, "vectors": "genes.npz"}
    card = data_card.compose(
        "made", dataclasses.replace(images, details=details)
    )
    assert "DeepInsight images of labelled rows" in card
    assert "labelled texts" not in card
