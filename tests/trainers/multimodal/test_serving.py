"""The export predicts as the run does; claims are judged by every tower."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.support import commands, multimodal_corpora
from text2image.corpora import captioned_images
from trainers.multimodal import export, loading, predict
from trainers.multimodal.predictor import load_predictor
from trainers.serving import predictor, saved_model


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--title=a", 2, "Expected either --workdir or --export_dir"),
        ("--workdir=x", 2, "Expected either --file=PATH or some of"),
        ("--workdir=x --file=a.csv --title=a", 2, "Received: both"),
        ("--workdir=x --title=a --verify", 2, "claimed --label"),
        (
            "--workdir=x --title=a more",
            2,
            "expected flags only. Received: more",
        ),
        ("--export_dir=x --title=a --encoder=b", 1, "--encoder would"),
        ("--workdir=x --title=a --title_key=b", 1, "--title_key would"),
        ("--workdir=x --file=a.csv --label_key=b", 1, "--label_key would"),
        ("--workdir=x --title=a --label=b", 1, "--label would"),
        ("--workdir=x --file=a.csv --verify --label=b", 1, "--label would"),
        ("--workdir=x --file=a.csv --verify --top=3", 1, "--top would"),
        ("--workdir=x --title=a --top=0", 1, "--top must be"),
        ("--workdir=x --file=a.csv", 1, "Expected an existing file"),
        ("--workdir=x --image=a.jpg", 1, "no such image: a.jpg"),
    ],
)
def test_flags_that_do_not_fit_are_refused_at_once(
    tmp_path, monkeypatch, capsys, flags, code, message
):
    monkeypatch.chdir(tmp_path)
    assert commands.exit_code(predict.main, flags.split()) == code
    assert message in capsys.readouterr().err


def test_an_export_needs_a_run(tmp_path, capsys):
    assert commands.exit_code(export.main, []) == 2
    assert "Expected --workdir=RUN" in capsys.readouterr().err
    assert commands.exit_code(export.main, [f"--workdir={tmp_path}"]) == 1
    assert "trainers.multimodal.run has finished" in capsys.readouterr().err


@pytest.fixture(scope="module")
def from_run(trained):
    return load_predictor(workdir=str(trained))


@pytest.fixture(scope="module")
def from_export(exported):
    return load_predictor(export_dir=str(exported.parent))


def held_out(trained, corpus):
    """Samples of the test split, and their rows of the predictions."""
    keys = captioned_images.Keys()
    by_id = {s.id: s for s in captioned_images.read_file(corpus, keys)}
    with (trained / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [by_id[row["id"]] for row in rows], rows


@pytest.mark.slow
def test_an_export_predicts_as_the_run_was_evaluated(
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


@pytest.mark.slow
def test_run_and_export_agree_in_any_batch(
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
    two = next(from_export.predict(chosen[:1], top=2))
    assert list(two["top2"].items()) == list(other[0]["top5"].items())[:2]
    assert (two["label"], two["score"]) == next(iter(two["top2"].items()))


@pytest.mark.slow
def test_a_claim_is_judged_by_the_model_and_by_each_tower(
    trained, corpus, from_run
):
    chosen, _ = held_out(trained, corpus)
    whole = [item for item in chosen if item.title and item.description]
    judged = list(from_run.verify(whole))
    answers = list(from_run.predict(whole))
    for item, claim, answer in zip(whole, judged, answers, strict=True):
        assert claim["label"] == answer["label"]
        assert claim["agrees"] == (answer["label"] == item.label)
        assert abs(claim["probability"] - answer["top5"][item.label]) < 1e-6
        assert set(claim["towers"]) == {"image", "title", "description"}


@pytest.mark.slow
def test_a_claim_changes_agreement_and_nothing_else(trained, corpus, from_run):
    item = next(s for s in held_out(trained, corpus)[0] if s.title)
    names = from_run.label_names
    claims = list(
        from_run.verify(dataclasses.replace(item, label=n) for n in names)
    )
    for part in (lambda claim: claim, lambda claim: claim["towers"]["title"]):
        opinions = [part(claim) for claim in claims]
        (label,) = {opinion["label"] for opinion in opinions}
        agreeing = [
            n for n, o in zip(names, opinions, strict=True) if o["agrees"]
        ]
        assert agreeing == [label]
        probabilities = [opinion["probability"] for opinion in opinions]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert opinions[0]["score"] == max(probabilities)


@pytest.mark.slow
def test_vectors_are_0_where_a_modality_is_missing(exported, corpus, trained):
    functions, _ = saved_model.load(exported)
    item = next(s for s in held_out(trained, corpus)[0] if s.title)
    vectors = functions["embed"](
        image=tf.constant([item.read_image()]),
        title=tf.constant([item.title]),
        description=tf.constant([""]),
    )
    assert vectors["image"].shape == (1, 1280)
    assert vectors["image"].numpy().any()
    assert vectors["title"].shape == vectors["description"].shape == (1, 8)
    assert vectors["title"].numpy().any()
    assert not vectors["description"].numpy().any()


@pytest.mark.slow
def test_a_towers_opinion_is_the_answer_without_the_others(
    trained, corpus, from_run
):
    item = next(s for s in held_out(trained, corpus)[0] if s.title)
    alone = dataclasses.replace(item, description="", read_image=bytes)
    opinion = next(from_run.verify([item]))["towers"]["title"]
    answer = next(from_run.predict([alone]))
    assert opinion["label"] == answer["label"]
    assert abs(opinion["score"] - answer["score"]) < 1e-6


@pytest.mark.slow
def test_everything_may_be_missing(from_run, trained, tmp_path):
    item = dataclasses.replace(
        one_sample(tmp_path), title="", description="", read_image=bytes
    )
    answer = next(from_run.predict([item]))
    bias = np.array(
        loading.load_run(trained).models.classifier.get_layer("head_dense").bias
    )
    expected = np.exp(bias) / np.exp(bias).sum()
    assert abs(answer["score"] - expected.max()) < 1e-6


def one_sample(directory):
    path = multimodal_corpora.write_jsonl(directory / "one", 1)
    return next(captioned_images.read_file(path, captioned_images.Keys()))


@pytest.mark.slow
def test_a_label_of_no_class_is_refused(from_run, tmp_path):
    item = dataclasses.replace(one_sample(tmp_path), label="gelb")
    with pytest.raises(ValueError, match="one of the model's 3 classes"):
        list(from_run.verify([item]))


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named(from_run, tmp_path):
    item = one_sample(tmp_path)
    for read, message in (
        (lambda: b"no image", "not a JPEG"),
        ((tmp_path / "none.jpg").read_bytes, "no such image"),
        (tmp_path.read_bytes, "path of an image file.*a directory"),
    ):
        bad = dataclasses.replace(item, read_image=read)
        with pytest.raises((ValueError, OSError), match=message) as error:
            list(from_run.predict([bad]))
        assert "line 1" in str(error.value)


@pytest.mark.slow
def test_the_same_run_is_exported_once(exported, trained):
    assert export.export_finished(trained) == exported
    provenance = json.loads(
        (exported / "assets.extra/provenance.json").read_text("utf-8")
    )
    assert provenance["modalities"] == ["image", "title", "description"]
    assert "records" not in provenance["settings"]
    assert provenance["accuracy"] == loading.read_run(trained)[1]["accuracy"]


@pytest.mark.slow
def test_an_export_of_texts_is_no_multimodal_one(exported, tmp_path):
    directory = shutil.copytree(exported, tmp_path / "1")
    path = directory / "assets.extra/provenance.json"
    provenance = json.loads(path.read_text("utf-8"))
    del provenance["modalities"]
    path.write_text(json.dumps(provenance))
    (directory / "assets.extra/files.json").unlink()
    with pytest.raises(ValueError, match="one of texts alone"):
        load_predictor(export_dir=str(directory))
    with pytest.raises(ValueError, match="an export of a run of texts"):
        predictor.load_predictor(export_dir=str(directory))


@pytest.mark.slow
def test_an_encoder_that_has_moved_is_exported_from_where_it_is(
    corpus, tmp_path
):
    def run(encoder, *flags):
        return commands.run(
            "trainers.multimodal.run",
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
        )

    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(multimodal_corpora.TINY_BERT, before)
    first = run(before, "--noexport", "--group_key=label")
    assert first.returncode == 0, first.stderr
    groups = (tmp_path / "run/groups.md").read_text("utf-8")
    assert "3 groups of samples" in groups
    assert "| blau | rot † | " in groups
    before.rename(after)
    second = run(after)
    assert second.returncode == 0, second.stderr
    assert list((tmp_path / "run/export").iterdir())


@pytest.mark.slow
def test_an_export_is_compared_with_a_run_of_another_engine(
    trained, tmp_path, caplog
):
    caplog.set_level("INFO", logger="absl")
    workdir = shutil.copytree(trained, tmp_path / "run")
    manifest = json.loads((workdir / "manifest.json").read_text())
    manifest["details"]["encoder"]["engine"] = "openvino"
    (workdir / "manifest.json").write_text(json.dumps(manifest))
    (workdir / "files.json").unlink()
    version = export.export_run(workdir, tmp_path / "models")
    path = version / "assets.extra" / "provenance.json"
    agreement = json.loads(path.read_text())["engine_agreement"]
    assert agreement["same_label"] == agreement["compared"] > 0
    assert agreement["largest_difference"] < 1e-3
    assert "labels agree" in caplog.text
