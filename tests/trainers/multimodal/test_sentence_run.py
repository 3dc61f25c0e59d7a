"""A run whose texts are encoded by a SavedModel, from records to an export."""

import dataclasses

import numpy as np
import pytest

from tests.support import commands, multimodal_corpora, sentence_encoders
from text2image.corpora import captioned_images
from tfrecords import reader
from tfrecords.stages import multimodal
from trainers.multimodal import export, run, train
from trainers.multimodal.explainer import load_explainer
from trainers.multimodal.predictor import load_predictor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("encoder") / "sentences"
    return sentence_encoders.save(directory)


@pytest.fixture(scope="module")
def workdir(corpus, encoder, make_config, tmp_path_factory):
    root = tmp_path_factory.mktemp("sentence_run")
    records = multimodal.prepare_multimodal(
        *multimodal_corpora.settings(corpus, root / "records", encoder=encoder)
    )
    config = make_config(records=str(records), modalities="title,description")
    train.train_and_evaluate(config, root / "run")
    return root / "run"


def test_the_records_hold_the_encoders_vectors(workdir):
    manifest = reader.open_records(
        next(workdir.parent.glob("records/multimodal/*/*"))
    )
    assert manifest.schema.shape == (2, sentence_encoders.SIZE)
    assert "max_tokens" not in manifest.provenance
    module = sentence_encoders.Sentences()
    records = next(workdir.parent.glob("records/multimodal/*/*"))
    for batch in reader.read_records(records, "train", manifest=manifest):
        for column, name in enumerate(("title", "description")):
            has_text = (batch[name] != b"").numpy()[:, np.newaxis]
            np.testing.assert_allclose(
                batch["text_vectors"][:, column],
                module.mean(batch[name]) * has_text,
                atol=1e-6,
            )


def test_run_and_export_agree_and_the_export_needs_no_encoder(
    workdir, corpus, encoder
):
    samples = list(captioned_images.read_file(corpus, captioned_images.Keys()))[
        :12
    ]
    from_run = list(load_predictor(workdir=str(workdir)).predict(samples))
    export.export_finished(workdir)
    moved = encoder.rename(encoder.with_name("moved"))
    exported = load_predictor(export_dir=str(workdir / "export"))
    for one, other in zip(from_run, exported.predict(samples), strict=True):
        assert one["label"] == other["label"]
        assert one["top5"] == pytest.approx(other["top5"], abs=1e-6)
    with pytest.raises(FileNotFoundError, match="--encoder=PATH"):
        load_predictor(workdir=str(workdir))
    load_predictor(workdir=str(workdir), encoder=str(moved))
    moved.rename(encoder)


def test_a_word_weighs_what_the_margin_loses_without_it(workdir, corpus):
    explainer = load_explainer(str(workdir))
    sample = next(
        each
        for each in captioned_images.read_file(corpus, captioned_images.Keys())
        if each.title and each.description
    )
    (whole,) = explainer.explain([sample])
    word = whole.words["title"][0]
    rest = sample.title[: word.start] + sample.title[word.end :]
    (other,) = explainer.explain(
        [dataclasses.replace(sample, title=rest)], label=whole.label
    )
    assert whole.margin - other.margin == pytest.approx(
        word.contribution, abs=1e-4
    )


@pytest.mark.parametrize(
    ("kind", "flags", "message"),
    [
        ("call", "--max_tokens=9", "is a SavedModel, which reads texts itself"),
        ("call", "--pooling=mean", "is a SavedModel, which reads texts itself"),
        ("file", "", "cannot be part of an export"),
        # Images alone: the export contains no encoder.
        (
            "file",
            "--modalities=image --frozen_grid=2 --frozen_fraction=1 "
            "--weights=random --backbone=mobilenetv2 --image_size=32",
            "--frozen_grid must have",
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    tmp_path, corpus, capsys, kind, flags, message
):
    directory = sentence_encoders.save(tmp_path / kind, kind)
    flags = [f"--encoder={directory}", f"--dataset={corpus}", *flags.split()]
    assert commands.exit_code(run.main, flags) == 1
    assert message in capsys.readouterr().err
