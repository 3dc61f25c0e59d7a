"""Runs learn, resume to the same bytes, and stream what memory cannot hold."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.damages import damage
from tfrecords import reader
from trainers.multimodal import (
    evaluation,
    input_pipeline,
    loading,
    model,
    split_inputs,
    train,
)
from trainers.training.metrics import evaluate, figures_of, top_k_accuracy

pytestmark = pytest.mark.slow

TEXTS = "title,description"


def test_top_k_counts_the_k_likeliest(rng):
    logits = rng.normal(size=(40, 9))
    labels = rng.integers(0, 9, 40)
    for k in (1, 5, 9, 20):
        expected = np.mean(
            [
                label in np.argsort(-row)[:k]
                for row, label in zip(logits, labels, strict=True)
            ]
        )
        assert top_k_accuracy(logits, labels, k) == expected
    assert top_k_accuracy(logits, labels, 1) == pytest.approx(
        evaluate(logits, labels)["accuracy"]
    )


def test_a_run_learns_and_reports_its_figures(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["split"] == "test"
    assert metrics["num_held_out"] == 12
    assert metrics["accuracy"] > 0.6  # three balanced, easy classes
    assert set(metrics["removed"]) == {"image", "title", "description"}
    for name in ("config.json", "manifest.json", "history.csv"):
        assert (trained / name).is_file()


def test_modalities_that_are_kept_are_those_named():
    given = {"present": np.float32([[1, 1, 0], [1, 0, 1]])}
    kept = evaluation.keep_only(("title", "description"))(given)
    np.testing.assert_array_equal(kept["present"], [[0, 1, 0], [0, 0, 1]])


def _test_split(run):
    return split_inputs.prepare_inputs(
        run.config,
        run.manifest,
        run.models.extractor,
        set(run.models.classifier.input),
        only="test",
    )["test"]


def test_a_removed_modality_is_one_that_is_not_present(trained):
    run = loading.load_run(trained)
    split = _test_split(run)

    def without_image(values):
        present = values["present"] * np.float32([0, 1, 1])
        return {**values, "present": present}

    logits, labels, _ = evaluation.predict_split(
        run.models.classifier, split, without_image
    )
    assert run.metrics["removed"]["image"] == figures_of(logits, labels)


class _Kill(keras.callbacks.Callback):
    """Ends the process, as it were, before the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_run_trains_in_mixed_precision(make_config, tmp_path):
    plain, mixed = (
        train.train_and_evaluate(
            make_config(modalities="image,title", precision=precision),
            tmp_path / precision,
        )
        for precision in ("auto", "mixed_bfloat16")
    )
    assert (plain["precision"], mixed["precision"]) == (
        "float32",
        "mixed_bfloat16",
    )
    assert mixed["loss"] != plain["loss"]
    assert mixed["loss"] == pytest.approx(plain["loss"], abs=0.1)


def test_a_killed_run_ends_with_the_same_bytes(make_config, tmp_path):
    config = make_config(
        modalities=TEXTS, epochs=3, modality_dropout=0.3, dropout=0.5
    )
    whole = tmp_path / "whole"
    expected = train.train_and_evaluate(config, whole)
    killed = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        train.train_and_evaluate(config, killed, callbacks=[_Kill()])
    assert train.train_and_evaluate(config, killed) == expected
    names = ("model.safetensors", "predictions.csv", "files.json")
    for name in names:
        assert (whole / name).read_bytes() == (killed / name).read_bytes()
    # What can be made again is.
    damage(killed / "predictions.csv", "cut")
    damage(killed / "history.csv", "deleted")
    assert train.train_and_evaluate(config, killed) == expected
    for name in (*names, "history.csv"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()


def test_other_settings_in_the_same_workdir_are_refused(make_config, trained):
    with pytest.raises(ValueError, match="text_units"):
        train.train_and_evaluate(make_config(text_units=9), trained)


def test_a_finished_run_is_reused_and_loads(trained, make_config):
    before = (trained / "metrics.json").read_bytes()
    metrics = train.train_and_evaluate(make_config(), trained)
    assert json.dumps(metrics, indent=2, sort_keys=True).encode() == before
    run = loading.load_run(trained)
    split = _test_split(run)
    logits, labels, _ = evaluation.predict_split(run.models.classifier, split)
    figures = figures_of(logits, labels)
    assert figures["accuracy"] == metrics["accuracy"]


def test_a_stream_gives_what_memory_gives(trained):
    run = loading.load_run(trained)
    taken = set(run.models.classifier.input)
    arguments = run.manifest, run.models.extractor, taken
    kept = split_inputs.prepare_inputs(run.config, *arguments, only="test")[
        "test"
    ]
    tiny = type(run.config)(**{**vars(run.config), "cache_gb": 0.0})
    streamed = split_inputs.prepare_inputs(tiny, *arguments, only="test")[
        "test"
    ]
    assert isinstance(kept, split_inputs.Kept)
    assert isinstance(streamed, split_inputs.Streamed)
    one = evaluation.predict_split(run.models.classifier, kept)
    other = evaluation.predict_split(run.models.whole, streamed)
    assert one[2] == other[2]
    # The same network as one graph or two.
    np.testing.assert_allclose(one[0], other[0], rtol=1e-4, atol=1e-5)


def test_a_stream_trains_too(make_config, tmp_path):
    metrics = train.train_and_evaluate(
        make_config(modalities=TEXTS, cache_gb=0.0), tmp_path
    )
    assert len(metrics["epochs"]) == 6


def test_an_epoch_of_a_stream_has_every_record_once(records):
    manifest = reader.open_records(records)
    split = split_inputs.Streamed(records, manifest, "train", None)
    source = split.source(8, 0)
    orders = [
        [
            key
            for step in range(source.num_steps)
            for key in source.ids(epoch, step)
        ]
        for epoch in (0, 0, 1)
    ]
    in_order = [key for _, _, ids in split.in_order() for key in ids]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == sorted(in_order)


def test_images_are_decoded_and_resized_as_tensorflow_does(rng):
    pixels = rng.integers(0, 256, (9, 14, 3), np.uint8)
    encoded = tf.io.encode_png(pixels)
    resized = input_pipeline.decode(encoded, 6).numpy()
    expected = tf.image.resize(pixels, (6, 6), antialias=True).numpy()
    np.testing.assert_array_equal(resized, expected)
    assert not input_pipeline.decode(tf.constant(b""), 6).numpy().any()


def test_a_file_of_a_different_run_is_refused(trained, tmp_path):
    for path in trained.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0\1")
    with pytest.raises(ValueError, match="sha256"):
        loading.load_run(tmp_path)
    (tmp_path / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        loading.load_run(tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run(make_config, tmp_path):
    config = make_config(modalities=TEXTS, head_lr=1000.0, weight_decay=1000.0)
    with pytest.raises(FloatingPointError, match="--head_lr"):
        train.train_and_evaluate(config, tmp_path)


def test_weights_names_do_not_depend_on_what_was_built_before(make_config):
    config = make_config()
    one, other = (
        sorted(model.named_variables(model.build_models(config, 16, 3)))
        for _ in range(2)
    )
    assert one == other
    assert len(one) == len(set(one))
