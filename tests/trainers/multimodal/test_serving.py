"""The export answers as the run does; claims are judged by every tower."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.support import multimodal_corpora as made
from text2image.corpora import captioned_images
from trainers.multimodal import export, loading, predictor, train

ROOT = pathlib.Path(__file__).parents[3]


def command(*flags, cwd, module="predict"):
    return subprocess.run(
        [sys.executable, "-m", f"trainers.multimodal.{module}", *flags],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--export_dir=x", "--title=a", "--encoder=b"), "--encoder would"),
        (("--workdir=x", "--title=a", "--title_key=b"), "--title_key would"),
        (("--workdir=x", "--file=a.csv", "--label_key=b"), "--label_key would"),
        (("--workdir=x", "--title=a", "--label=b"), "--label would"),
        (
            ("--workdir=x", "--file=a.csv", "--verify", "--label=b"),
            "--label would",
        ),
        (("--workdir=x", "--file=a.csv"), "Expected an existing file"),
        (("--workdir=x",), "Expected either --file=PATH or some of"),
    ],
)
def test_flags_that_do_not_fit_are_refused_at_once(tmp_path, flags, message):
    found = command(*flags, cwd=tmp_path)
    assert found.returncode == 1
    assert message in found.stderr + found.stdout
    assert "Traceback" not in found.stderr


@pytest.fixture(scope="module")
def exported(trained):
    return export.export_finished(trained)


@pytest.fixture(scope="module")
def from_run(trained):
    return predictor.load_predictor(workdir=str(trained))


@pytest.fixture(scope="module")
def from_export(exported):
    return predictor.load_predictor(export_dir=str(exported.parent))


def held_out(trained, corpus):
    """Samples of the test split by id, and the run's own probabilities."""
    import csv

    found = {
        s.id: s
        for s in captioned_images.read_file(corpus, captioned_images.Keys())
    }
    with (trained / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [found[row["id"]] for row in rows], rows


def test_an_export_answers_as_the_run_was_evaluated(
    trained, corpus, from_export
):
    chosen, rows = held_out(trained, corpus)
    answers = list(from_export.predict(chosen, batch_size=5))
    assert [a["id"] for a in answers] == [row["id"] for row in rows]
    for answer, row in zip(answers, rows, strict=True):
        assert answer["label"] == row["prediction"]
        for name, score in answer["top5"].items():
            # Texts were encoded in batches; probabilities keep six digits.
            assert abs(score - float(row[name])) < 1e-4
        assert list(answer["top5"].values()) == sorted(
            answer["top5"].values(), reverse=True
        )
        assert answer["score"] == max(answer["top5"].values())


def test_run_and_export_agree_and_company_moves_nothing(
    trained, corpus, from_run, from_export
):
    chosen, _ = held_out(trained, corpus)
    one = list(from_run.predict(chosen, batch_size=12))
    other = list(from_export.predict(chosen, batch_size=1))
    for a, b in zip(one, other, strict=True):
        assert a["label"] == b["label"]
        np.testing.assert_allclose(
            list(a["top5"].values()), list(b["top5"].values()), atol=1e-6
        )


def test_a_claim_is_judged_by_the_model_and_by_each_tower(
    trained, corpus, from_export
):
    chosen, _ = held_out(trained, corpus)
    whole = [item for item in chosen if item.title and item.description]
    found = list(from_export.verify(whole))
    answers = list(from_export.predict(whole))
    for item, claim, answer in zip(whole, found, answers, strict=True):
        assert claim["label"] == answer["label"]
        assert claim["agrees"] == (answer["label"] == item.label)
        assert abs(claim["probability"] - answer["top5"][item.label]) < 1e-6
        assert set(claim["towers"]) == {"image", "title", "description"}
        for name, opinion in claim["towers"].items():
            assert opinion["agrees"] == (opinion["label"] == item.label), name


def test_vectors_can_be_taken_out_and_are_0_where_nothing_is(
    exported, corpus, trained
):
    from trainers.serving import exported as exports

    functions, _ = exports.load_functions(exported)
    item = next(s for s in held_out(trained, corpus)[0] if s.title)
    found = functions["embed"](
        image=tf.constant([item.read_image()]),
        title=tf.constant([item.title]),
        description=tf.constant([""]),
    )
    assert found["image"].shape == (1, 1280)
    assert found["image"].numpy().any()
    assert found["title"].shape == found["description"].shape == (1, 8)
    assert not found["description"].numpy().any()


def test_a_towers_opinion_is_the_answer_without_the_others(
    trained, corpus, from_export
):
    item = next(s for s in held_out(trained, corpus)[0] if s.title)
    alone = made_like(item, description="", read_image=bytes)
    opinion = next(from_export.verify([item]))["towers"]["title"]
    answer = next(from_export.predict([alone]))
    assert opinion["label"] == answer["label"]
    assert abs(opinion["score"] - answer["score"]) < 1e-6


def made_like(item, **changes):
    import dataclasses

    return dataclasses.replace(item, **changes)


def test_everything_may_be_missing(from_export, trained):
    item = made_like(
        next(captioned_images.read_file(*nothing(trained))),
        title="",
        description="",
        read_image=bytes,
    )
    answer = next(from_export.predict([item]))
    bias = np.array(
        loading.load_run(trained).models.classifier.get_layer("head_dense").bias
    )
    expected = np.exp(bias) / np.exp(bias).sum()
    assert abs(answer["score"] - expected.max()) < 1e-6


def nothing(trained):
    path = made.write_jsonl(trained / "one", 1)
    return path, captioned_images.Keys()


def test_a_label_of_no_class_is_refused(from_export, trained):
    item = made_like(
        next(captioned_images.read_file(*nothing(trained))), label="gelb"
    )
    with pytest.raises(ValueError, match="one of the model's 3 classes"):
        list(from_export.verify([item]))


def test_a_picture_that_is_none_is_named(from_export, trained):
    item = next(captioned_images.read_file(*nothing(trained)))
    for read, message in (
        (lambda: b"no picture", "not a whole"),
        ((trained / "none.jpg").read_bytes, "no such picture"),
    ):
        bad = made_like(item, read_image=read)
        with pytest.raises((ValueError, OSError), match=message) as error:
            list(from_export.predict([bad]))
        assert "line 1" in str(error.value)


def test_the_same_run_is_exported_once(exported, trained):
    assert export.export_finished(trained) == exported
    kept = json.loads(
        (exported / "assets.extra/provenance.json").read_text("utf-8")
    )
    assert kept["modalities"] == ["image", "title", "description"]
    assert "records" not in kept["settings"]
    assert (
        kept["accuracy"]
        == train.train_and_evaluate(loading.read_run(trained)[0], trained)[
            "accuracy"
        ]
    )


@pytest.mark.slow
def test_an_encoder_that_has_moved_is_exported_from_where_it_is(
    corpus, tmp_path
):
    def run(encoder, *flags):
        return command(
            f"--dataset={corpus}",
            f"--encoder={encoder}",
            "--max_tokens=32",
            "--held_out=0.4",
            "--weights=random",
            "--image_size=32",
            "--epochs=1",
            "--batch_size=8",
            "--workdir=run",
            *flags,
            cwd=tmp_path,
            module="run",
        )

    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(made.TINY_BERT, before)
    first = run(before, "--noexport")
    assert first.returncode == 0, first.stderr
    before.rename(after)
    second = run(after)
    assert second.returncode == 0, second.stderr
    assert list((tmp_path / "run/export").iterdir())
