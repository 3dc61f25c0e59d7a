"""Trainings on `--stacks`."""

import json

import numpy as np
import pytest

from tests.support import commands
from text2image.deepinsight.pixel_map import PixelMap
from text2image.deepinsight.render import Renderer
from tfrecords import reader
from trainers import export, predict, run
from trainers.runs import loading
from trainers.runs.predictions import read_probabilities

N = 40
TRAIN = (
    "--backbone=vgg16",
    "--weights=random",
    "--epochs=1",
    "--upsample=1",
    "--image_height=12",
    "--image_width=12",
    "--projection=pca",
    "--workdir=run",
)


@pytest.fixture
def vectors(tmp_path, monkeypatch):
    """A feature matrix, in the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    stacks = rng.standard_normal((N, 9)) + 3 * labels[:, None]
    np.savez("table.npz", stacks=stacks, labels=labels)
    return stacks.astype(np.float32)


@pytest.mark.slow
def test_a_feature_matrix_is_trained_on_and_takes_no_texts(
    vectors, tmp_path, caplog, capsys
):
    typed = ("--stacks=table.npz", "--channels=grey", *TRAIN)
    assert run.main(typed) == 0
    report = (tmp_path / "run" / "report.md").read_text()
    assert "Stacks of `table.npz`, no encoder." in report
    assert "logistic regression on the same stacks" in report
    assert "export: skipped. The stacks of the image records" in caplog.text
    assert "That was the demo" not in caplog.text
    assert not (tmp_path / "run" / "export").exists()
    for program, flags in ((export, ()), (predict, ("a text",))):
        flags = ("--workdir=run", *flags)
        assert commands.exit_code(program.main, flags) == 1
        assert "vectors given by --stacks" in capsys.readouterr().err
    caplog.clear()
    assert run.main(typed) == 0
    assert "making" not in caplog.text

    # As docs/guide/data.md shows.
    images = Renderer(PixelMap.load(tmp_path / "run")).render(
        vectors.reshape(N, 1, 9)
    )
    logits = np.asarray(loading.load("run")(images))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = read_probabilities(tmp_path / "run")
    assert len(predicted) == N // 5
    for key, expected in predicted.items():
        row = int(key.removeprefix("row-")) - 1
        np.testing.assert_allclose(chances[row], expected, atol=1e-3)


def test_the_preset_s_channels_are_refused_for_one_layer(vectors, capsys):
    assert run.main(("--stacks=table.npz", *TRAIN)) == 1
    assert "Use --channels=grey" in capsys.readouterr().err


@pytest.mark.slow
def test_records_of_an_encoder_keep_it(
    reviews, tiny_bert, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    made = [f"--dataset={reviews}", f"--encoder={tiny_bert}", "--max_tokens=32"]
    typed = [*TRAIN, "--baselines=false", "--perplexity=5"]
    typed.remove("--projection=pca")
    assert run.main([*typed, *made, "--workdir=first", "--export=false"]) == 0
    (cls_dir,) = tmp_path.glob("records/cls/*/1.0.0")
    again = [*typed, f"--stacks={cls_dir}", "--records_dir=other"]
    assert run.main(again) == 0
    metrics = [
        json.loads((tmp_path / name / "metrics.json").read_text())
        for name in ("first", "run")
    ]
    assert metrics[0]["model_sha256"] == metrics[1]["model_sha256"]
    assert list((tmp_path / "run" / "export").glob("*/saved_model.pb"))
    (image_dir,) = tmp_path.glob("other/image/*/1.0.0")
    assert reader.open_records(image_dir).details["encoder"]["layers"]
    assert not (tmp_path / "other" / "cls").exists()
