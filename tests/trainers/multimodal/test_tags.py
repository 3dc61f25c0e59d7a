"""A third text: from a corpus with tags to an export that takes them."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.support import commands, multimodal_corpora, sentence_encoders
from text2image.corpora import image_fields
from text2image.corpora.captioned_images import Keys, read_file
from tfrecords import reader, schema
from tfrecords.faults import find_faults
from tfrecords.multimodal_config import MultimodalConfig
from tfrecords.stages import multimodal
from trainers.multimodal import (
    baselines,
    explain,
    export,
    plan,
    predict,
    run,
    train,
    transfer,
)
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.predictor import load_predictor

FIELDS = "title,description,tags"
# What tells the classes apart; some samples have no tags.
TAGS = (["rot", "warm"], ["leaf"], ["sea", "wave"])


def test_old_manifests_and_fingerprints_stay():
    plain = schema.multimodal_schema(4, ("a",))
    assert "further" not in plain.to_json()
    assert schema.Schema.from_json(plain.to_json()) == plain
    tagged = schema.multimodal_schema(4, ("a",), ("tags",))
    assert schema.Schema.from_json(tagged.to_json()) == tagged
    assert tagged.shape == (3, 4)
    assert tagged.text_fields == ("title", "description", "tags")
    assert "text_fields" not in MultimodalConfig().provenance
    assert MultimodalConfig(text_fields=FIELDS).further == ("tags",)


@pytest.mark.parametrize(
    "fields",
    ["title", "tags,title,description", f"{FIELDS},tags", f"{FIELDS},a b"]
    + [f"title,description,{name}" for name in ("image", "label", "Tags", "")]
    # Of a row of the index, of an explanation; of Python's.
    + [f"title,description,{name}" for name in ("split", "margin", "class")],
)
def test_other_names_of_texts_are_refused(fields):
    with pytest.raises(ValueError, match="--text_fields must be title,desc"):
        MultimodalConfig(text_fields=fields)


def test_a_list_of_tags_is_one_text():
    assert image_fields.text_of(["red", "sea"]) == "red, sea"
    assert image_fields.text_of([b"red", b"sea"]) == b"red, sea"
    assert image_fields.text_of(np.array(["red", "sea"])) == "red, sea"
    assert image_fields.text_of([]) == ""
    assert image_fields.text_of([1, 2]) == [1, 2]  # refused as no text


def test_the_table_trains_every_subset():
    present = {"image", *FIELDS.split(",")}
    rows = plan.plan(MultimodalTrainConfig(), ["mobilenetv2"], 1, present)
    subsets = [row.modalities for row in rows if not row.modality_dropout]
    assert len(set(subsets)) == len(subsets) == 15
    assert subsets[-1] == ("image", "title", "description", "tags")
    (robust,) = (row for row in rows if row.modality_dropout)
    assert robust.modalities == subsets[-1]
    assert robust.trainings[0].towers == subsets[-1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("tagged")
    path = multimodal_corpora.write_jsonl(root)
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines()):
        row = json.loads(line)
        if number % 5:
            row["tags"] = TAGS[number % 3]
        rows.append(json.dumps(row) + "\n")
    path.write_text("".join(rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return sentence_encoders.save(tmp_path_factory.mktemp("tagger"))


@pytest.fixture(scope="module")
def records(corpus, encoder):
    return multimodal.prepare_multimodal(
        *multimodal_corpora.settings(
            corpus,
            corpus.parent / "records",
            encoder=encoder,
            text_fields=FIELDS,
        )
    )


@pytest.fixture(scope="module")
def workdir(records):
    config = MultimodalTrainConfig(
        modalities="tags,title",
        text_units=8,
        epochs=6,
        batch_size=8,
        head_lr=1e-2,
        records=str(records),
    )
    assert config.towers == ("title", "tags")
    train.train_and_evaluate(config, records.parents[3] / "run")
    return records.parents[3] / "run"


@pytest.mark.slow
def test_a_start_takes_the_same_modalities_in_any_order(records, workdir):
    provenance = reader.open_records(records).provenance
    config = MultimodalTrainConfig(
        modalities="title,tags", text_units=8, from_run=str(workdir)
    )
    transfer.check(config, provenance)
    with pytest.raises(ValueError, match="--modalities=tags,title"):
        transfer.check(
            dataclasses.replace(config, modalities="title"), provenance
        )


def test_a_start_needs_the_same_order_of_texts():
    config = MultimodalTrainConfig(modalities="a,b")
    texts = ("title", "description", "a", "b"), ("title", "a", "c", "b")
    assert not transfer.other_modalities(config, texts[0], config, texts[1])
    texts = ("title", "description", "a", "b"), ("title", "b", "a")
    assert transfer.other_modalities(config, texts[0], config, texts[1]) == [
        ("text_fields", "title,description,a,b", "title,b,a")
    ]


@pytest.mark.slow
def test_records_hold_the_tags_and_their_vectors(records):
    manifest = reader.open_records(records)
    assert not list(find_faults(records))
    assert manifest.schema.shape == (3, sentence_encoders.SIZE)
    assert manifest.details["missing"]["train"]["tags"] == 12
    module = sentence_encoders.Sentences()
    batch = next(iter(reader.read_records(records, "test", manifest=manifest)))
    has_tags = (batch["tags"] != b"").numpy()
    assert set(batch["tags"].numpy()) == {
        b"",
        b"rot, warm",
        b"leaf",
        b"sea, wave",
    }
    np.testing.assert_allclose(
        batch["text_vectors"][:, 2],
        module.mean(batch["tags"]) * has_tags[:, np.newaxis],
        atol=1e-6,
    )
    assert plan.present_modalities(manifest) == {
        "image",
        "title",
        "description",
        "tags",
    }
    assert "TF-IDF" in baselines.baselines(records)


@pytest.mark.slow
def test_a_run_sees_the_tags_and_its_export_takes_them(
    workdir, corpus, encoder, capsys
):
    metrics = json.loads((workdir / "metrics.json").read_text())
    assert set(metrics["removed"]) == {"title", "tags"}
    assert metrics["accuracy"] > 0.6
    export.export_finished(workdir)
    samples = list(read_file(corpus, Keys(further=("tags",))))[:12]
    from_run = list(load_predictor(workdir=str(workdir)).predict(samples))
    exported = load_predictor(export_dir=str(workdir / "export"))
    assert exported.text_fields == tuple(FIELDS.split(","))
    for one, other in zip(from_run, exported.predict(samples), strict=True):
        assert one["top5"] == pytest.approx(other["top5"], abs=1e-6)
    (claim,) = exported.verify(samples[3:4])
    assert set(claim["towers"]) == {"title", "tags"}
    served = tf.saved_model.load(str(workdir / "export/1"))
    inputs = served.signatures["embed"].structured_input_signature[1]
    assert set(inputs) == {"image", *FIELDS.split(",")}
    for program in (predict, explain):
        typed = [f"--workdir={workdir}", '--texts={"tags": "sea, wave"}']
        assert commands.exit_code(program.main, typed) == 0
        out = capsys.readouterr().out
        assert "blau" in out
    assert "tags: sea, wave" in out
    typed = [f"--workdir={workdir}", '--texts={"colour": "red"}']
    assert commands.exit_code(predict.main, typed) == 1
    assert "--texts must name texts of the model" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--text_fields=title,description,tagz"], "no sample has a text in"),
        (["--modalities=title,tags"], "--modalities must be some of image,tit"),
    ],
)
def test_a_text_that_is_not_there_is_refused(
    tmp_path, monkeypatch, corpus, encoder, capsys, flags, message
):
    monkeypatch.chdir(tmp_path)
    typed = [f"--dataset={corpus}", f"--encoder={encoder}", *flags]
    common = ["--weights=random", "--image_size=32", "--backbone=mobilenetv2"]
    assert commands.exit_code(run.main, [*typed, *common]) == 1
    assert message in capsys.readouterr().err
