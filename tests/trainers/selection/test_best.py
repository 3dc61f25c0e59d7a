"""`--preset=best`, from texts to an export."""

import json
import random
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.support.hostile_texts import HOSTILE
from tfrecords.config import RecordsConfig
from trainers import export, list_runs, run, verify
from trainers.config import TrainConfig
from trainers.runs import listing, loading
from trainers.selection import best, clock, command
from trainers.serving import predictor, saved_model

WORDS = (("bad", "dull", "hate"), ("good", "great", "love"))
OTHER = ("film", "story", "music", "actor", "the", "and")
# Texts of both classes also have words of the other.
NOISE = 0.4


def write_corpus(folder, *, validation_seed=1, num_train=60):
    folder.mkdir(parents=True)
    for name, seed, count in (
        ("train", 0, num_train),
        ("validation", validation_seed, 20),
    ):
        draw = random.Random(seed)
        lines = ["text,label"]
        for index in range(count):
            label = index % 2
            chosen = label if draw.random() > NOISE else 1 - label
            words = draw.choices(WORDS[label] + OTHER, k=6)
            words += draw.choices(WORDS[chosen], k=2)
            lines.append(f"{' '.join(words)} {seed} {index},class {label}")
        (folder / f"{name}.csv").write_text("\n".join(lines), "utf-8")
    return folder


def find(corpus, workdir, encoder, *, images=False, minutes=20.0):
    """Runs; without `images` as if there were no time for them."""
    workdir.mkdir(exist_ok=True)
    if not images and not (workdir / clock.DECISIONS_FILE).exists():
        content = {"decisions": {"image route: tried": False}, "seconds": {}}
        (workdir / clock.DECISIONS_FILE).write_text(json.dumps(content))
    return best.find_best(
        minutes,
        TrainConfig.preset(
            "best", backbone="vgg16", weights="random", epochs=2
        ),
        RecordsConfig.preset(
            "best",
            dataset=str(corpus),
            split="official",
            encoder=encoder,
            layers="0-2",
            max_tokens=32,
            records_dir=str(workdir.parent / "records"),
            projection="pca",
            assignment="bin",
            image_height=12,
            image_width=14,
        ),
        workdir,
    )


def choose(workdir, members):
    """Makes a finished run serve other members than it chose."""
    path = workdir / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["members"] = members
    text = json.dumps(metrics)
    path.write_text(text)
    (workdir / "files.json").unlink()


slow = pytest.mark.slow  # the run takes ten seconds


@pytest.fixture(scope="module")
def found(make_once, tiny_bert):
    """A finished run without images, and its export."""

    def fill(directory):
        corpus = write_corpus(directory / "corpus")
        metrics = find(corpus, directory / "run", tiny_bert)
        command.export(directory / "run", metrics, tiny_bert)

    return make_once("best", fill)


@slow
def test_run_and_export_answer_alike(found):
    texts = ["good great film", "", "dull and bad", "\x00 ½ 日本語 😀"]
    texts += [text.decode("utf-8", "replace") for text in HOSTILE[:20]]
    of_run, of_export = (
        predictor.load_predictor(**source).predict(texts)
        for source in (
            {"workdir": str(found / "run")},
            {"export_dir": str(found / "run/export")},
        )
    )
    for first, second in zip(of_run, of_export, strict=True):
        assert first.label == second.label
        np.testing.assert_allclose(
            first.probabilities, second.probabilities, atol=1e-5
        )


@slow
def test_answers_are_the_predictions_of_the_run(found):
    lines = (found / "run/predictions.csv").read_text().splitlines()
    texts = (found / "corpus/validation.csv").read_text().splitlines()[1:]
    model = predictor.load_predictor(workdir=str(found / "run"))
    answers = list(model.predict([t.rsplit(",", 1)[0] for t in texts]))
    assert len(answers) == len(lines) - 1
    for answer, line in zip(answers, lines[1:], strict=True):
        expected = [float(value) for value in line.split(",")[3:]]
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)


@slow
def test_the_same_command_again_trains_nothing(found, tiny_bert, caplog):
    before = sorted(
        (path, path.stat().st_mtime_ns)
        for path in (found / "run").rglob("*")
        if path.name not in ("files.json", clock.DECISIONS_FILE)
        and path.is_file()
    )
    metrics = find(found / "corpus", found / "run", tiny_bert)
    command.export(found / "run", metrics, tiny_bert)
    for path, changed in before:
        assert path.stat().st_mtime_ns == changed, path


@slow
def test_other_minutes_need_another_directory(found, tiny_bert):
    with pytest.raises(ValueError, match=r"minutes: 20.0 there, 5.0 here"):
        find(found / "corpus", found / "run", tiny_bert, minutes=5.0)


@slow
def test_listing_and_verification_know_the_run(found):
    (listed,) = listing.find_runs(found / "run")
    assert (listed.kind, listed.state) == ("best", "finished")
    assert listed.texts == 80
    assert not verify.find_faults(found / "run")
    assert list_runs.main([str(found / "run")]) == 0


@slow
@pytest.mark.parametrize(
    "name", ["decisions.json", "model.safetensors", "candidates/tfidf.npz"]
)
def test_verification_names_a_damaged_file(found, tmp_path, name):
    copy = shutil.copytree(found / "run", tmp_path / "run")
    path = copy / name
    path.write_bytes(path.read_bytes()[:-2])
    assert any(name in fault for fault in verify.find_faults(copy))


def test_other_programs_are_told_where_the_image_route_is(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/config.json").write_text("{}")
    with pytest.raises(ValueError, match="image route's own run"):
        loading.load_run(tmp_path)


@slow
def test_tfidf_alone_is_served_without_the_text_ops(found, tmp_path):
    copy = shutil.copytree(found / "run", tmp_path / "run")
    choose(copy, {"tfidf": 1.0})
    metrics = json.loads((copy / "metrics.json").read_text())
    if metrics["terms"] is None or metrics["encoder"] is None:
        pytest.skip("the run has no TF-IDF to serve")
    metrics["encoder"] = None
    (copy / "metrics.json").write_text(json.dumps(metrics))
    version = export.export_run(copy, tmp_path / "out")
    assert list(saved_model.load(version)[0]) == ["serving_default"]
    how = (version / "assets.extra/HOW_TO_LOAD.txt").read_text()
    assert "with TensorFlow alone" in how


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset=demo", "--minutes=3"], "--minutes would have no effect"),
        (["--preset=best", "--minutes=0"], "--minutes must be a number"),
        (["--preset=best", "--examples=1"], "--examples would have no effect"),
        (["--preset=best", "--split=hashed"], "Use --split=pooled"),
        (
            ["--preset=best", "--normalization=batch"],
            "Use --normalization=image",
        ),
        (["--preset=best", "--distribution=mirrored"], "one process"),
    ],
)
def test_flags_without_effect_or_sense_are_refused(flags, message, capsys):
    assert run.main(flags) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow  # trains the image route in every fold, twice
def test_validation_texts_change_neither_choice_nor_model(tmp_path, tiny_bert):
    results = []
    for seed in (1, 2):
        corpus = write_corpus(tmp_path / f"{seed}/corpus", validation_seed=seed)
        workdir = tmp_path / f"{seed}/run"
        metrics = find(corpus, workdir, tiny_bert, images=True)
        # The choice, the weights of every candidate, all out-of-fold figures.
        kept = {
            name: {
                key: value
                for key, value in values.items()
                if key.startswith(("weights", "c", "cross"))
            }
            for name, values in metrics["candidates"].items()
        }
        with np.load(workdir / "candidates/images.npz") as archive:
            route = archive["out_values"]
        weights = load_file(workdir / "images/model.safetensors")
        model = load_file(workdir / "model.safetensors")
        results.append((metrics["chosen"], kept, route, weights, model))
    first, second = results
    assert "images" in first[1]
    assert first[:2] == second[:2]
    np.testing.assert_array_equal(first[2], second[2])
    # All but the fingerprint of the records, in the header.
    for number in (3, 4):
        assert first[number].keys() == second[number].keys()
        for name, array in first[number].items():
            np.testing.assert_array_equal(array, second[number][name])
