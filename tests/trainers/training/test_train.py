"""A run from records to metrics; killed, resumed, spoiled, repeated."""

import csv
import dataclasses
import hashlib
import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import safetensors.numpy

from tests.support import record_sets
from tfrecords import reader
from trainers.config import TrainConfig
from trainers.network import model
from trainers.runs import checkpoints, loading, predictions
from trainers.training import train
from trainers.training.metrics import softmax

LINEAR = {"autoencoder": "linear", "epochs": 1}


def _config(records: pathlib.Path, **settings) -> TrainConfig:
    return TrainConfig(
        **{
            "backbone": "vgg16",
            "weights": "random",
            "epochs": 3,
            "batch_size": 8,
            "bottleneck": 2,
            "autoencoder": "symmetric",
            "upsample": 1,
            "image_records": str(records),
            **settings,
        }
    )


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _metrics(run: pathlib.Path) -> dict:
    return json.loads((run / "metrics.json").read_text())


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of the two runs below."""
    return record_sets.write_images(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def finished(records, tmp_path_factory):
    """A run of `_config(records)` that no test may change."""
    run = tmp_path_factory.mktemp("finished") / "run"
    train.train_and_evaluate(_config(records), run)
    return run


@pytest.fixture(scope="module")
def linear(records, tmp_path_factory):
    """The same, by the linear autoencoder, after an epoch."""
    run = tmp_path_factory.mktemp("linear") / "run"
    train.train_and_evaluate(_config(records, **LINEAR), run)
    return run


@pytest.mark.parametrize(
    "autoencoder",
    ["linear", pytest.param("symmetric", marks=pytest.mark.slow)],
)
def test_a_run_learns_what_can_be_learned(
    make_image_records, tmp_path, autoencoder
):
    records = make_image_records(num_train=64, num_validation=16)
    config = _config(records, epochs=12, bottleneck=8, autoencoder=autoencoder)
    metrics = train.train_and_evaluate(config, tmp_path / "run")
    # Which band is bright is the class: a model that keeps positions sees it.
    assert metrics["accuracy"] == 1.0
    assert metrics["num_train"] == 64
    assert metrics["num_validation"] == 16
    assert metrics["cumulative_accuracy"] == pytest.approx(
        np.mean([row["accuracy"] for row in metrics["epochs"]])
    )
    assert json.loads((tmp_path / "run/metrics.json").read_text()) == metrics
    with (tmp_path / "run/history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    with (tmp_path / "run/predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"validation-{i}" for i in range(16)]
    assert all(row["label"] == row["prediction"] for row in rows)
    assert not (tmp_path / "run/frozen_maps").exists()
    assert list((tmp_path / "run/tensorboard/train").iterdir())


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.slow
@pytest.mark.parametrize("autoencoder", ["linear", "paper"])
def test_a_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one(
    make_image_records, tmp_path, monkeypatch, autoencoder
):
    # 52 pixels leave VGG16 13 positions, the fewest the paper's takes.
    side = 52 if autoencoder == "paper" else 12
    records = make_image_records(shape=(side, side, 1), num_train=16)
    config = _config(records, autoencoder=autoencoder, epochs=2)
    train.train_and_evaluate(config, tmp_path / "whole")

    saved = checkpoints.save

    def kill_after(path, *args):
        saved(path, *args)
        if path.name == "checkpoint.safetensors":
            raise Killed

    for _ in range(config.epochs):
        with monkeypatch.context() as patched:
            patched.setattr(checkpoints, "save", kill_after)
            with pytest.raises(Killed):
                train.train_and_evaluate(config, tmp_path / "killed")
    train.train_and_evaluate(config, tmp_path / "killed")
    for name in ("model.safetensors", "metrics.json", "history.csv"):
        assert _sha256(tmp_path / "whole" / name) == _sha256(
            tmp_path / "killed" / name
        ), name


@pytest.mark.slow
def test_the_same_settings_give_the_same_bytes(finished, records, tmp_path):
    """Features in memory or on a disk; with another seed they differ."""
    changes = {"same": {}, "disk": {"cache_gb": 0.0}, "other": {"seed": 1}}
    for name, settings in changes.items():
        config = _config(records, **settings)
        train.train_and_evaluate(config, tmp_path / name)
    one, same, disk, other = (
        _sha256(run / "model.safetensors")
        for run in (finished, *(tmp_path / name for name in changes))
    )
    assert one == same == disk
    assert one != other


def test_a_finished_run_is_read_not_trained(finished, records):
    before = (finished / "model.safetensors").stat().st_mtime_ns
    metrics = train.train_and_evaluate(_config(records), finished)
    assert metrics == _metrics(finished)
    assert (finished / "model.safetensors").stat().st_mtime_ns == before


@pytest.mark.slow
def test_shared_maps_change_nothing(linear, records, tmp_path):
    shared = tmp_path / "maps"
    config = _config(records, **LINEAR)
    for name in ("first", "second"):
        train.train_and_evaluate(config, tmp_path / name, shared_maps=shared)
    assert shared.exists()
    first, second, alone = (
        _sha256(run / "model.safetensors")
        for run in (tmp_path / "first", tmp_path / "second", linear)
    )
    assert first == second == alone


@pytest.mark.slow
@pytest.mark.parametrize("trainable_slice", [False, True])
def test_a_resumed_run_in_training_mode_keeps_the_drifted_statistics(
    make_image_records, tmp_path, trainable_slice
):
    records = make_image_records()
    config = _config(
        records,
        backbone="shufflenet",
        slice_batch_norm="training",
        trainable_slice=trainable_slice,
        autoencoder="linear",
        epochs=2,
        upsample=2,
    )
    train.train_and_evaluate(config, tmp_path / "whole")
    workdir = tmp_path / "cut"
    train.train_and_evaluate(config, workdir)
    for name in ("metrics.json", "model.safetensors"):
        (workdir / name).unlink()
    train.train_and_evaluate(config, workdir)
    assert _sha256(workdir / "model.safetensors") == _sha256(
        tmp_path / "whole/model.safetensors"
    )


@pytest.mark.slow
def test_a_trained_slice_is_saved_and_its_batch_norms_stay(
    make_image_records, tmp_path
):
    records = make_image_records()
    config = _config(
        records,
        backbone="shufflenet",
        trainable_slice=True,
        autoencoder="linear",
        epochs=1,
        upsample=2,
    )
    metrics = train.train_and_evaluate(config, tmp_path / "run")
    assert metrics["learning_rates"] == {"head": 1e-3, "slice": 1e-4}
    assert metrics["picture_kept"] is None
    network = loading.load(tmp_path / "run")
    (batch,) = reader.read_records(records, "validation", batch_size=99)
    logits = network.predict_on_batch(batch["image"].numpy())
    written = predictions.read_probabilities(tmp_path / "run")
    np.testing.assert_allclose(
        softmax(logits), np.stack(list(written.values())), atol=1e-5
    )
    before = model.build_models(config, (12, 12, 1), 2).extractor.layers[-1]
    after = network.layers[1].get_layer(before.name)
    for layer in before.layers:
        pairs = zip(
            layer.get_weights(),
            after.get_layer(layer.name).get_weights(),
            strict=True,
        )
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        assert all((one == two).all() == is_norm for one, two in pairs)


def test_metrics_are_those_of_the_saved_whole_model(finished, records):
    models = model.build_models(_config(records, seed=99), (12, 12, 1), 2)
    checkpoints.load(
        finished / "model.safetensors", checkpoints.variables(models.whole)
    )
    batches = list(reader.read_records(records, "validation"))
    (batch,) = batches
    logits = models.whole.predict_on_batch(batch["image"].numpy())
    accuracy = (logits.argmax(axis=1) == batch["label"].numpy()).mean()
    assert accuracy == pytest.approx(_metrics(finished)["accuracy"])


@pytest.mark.slow
def test_what_is_kept_of_the_images_is_measured_on_validation(
    make_image_records, tmp_path
):
    """Against the same figure by hand, from the saved model."""
    records = make_image_records(num_train=64)
    config = _config(records, autoencoder="linear", epochs=1)
    metrics = train.train_and_evaluate(config, tmp_path / "run")
    models = model.build_models(config, (12, 12, 1), 2)
    checkpoints.load(
        tmp_path / "run/model.safetensors", checkpoints.variables(models.whole)
    )
    (batch,) = reader.read_records(records, "validation")
    images = batch["image"].numpy()
    code = models.linear_code
    estimates = models.features.predict_on_batch(images)
    # VGG16's 3 x 3 positions divide 12 x 12 pixels without overlap.
    mean = code.images(np.zeros_like(estimates))
    deviation = code.images(np.ones_like(estimates)) - mean
    error = np.square((code.images(estimates) - images) / deviation).mean()
    total = np.square((mean - images) / deviation).mean()
    assert metrics["picture_kept"] == pytest.approx(1 - error / total, abs=1e-4)


@pytest.mark.slow
def test_per_batch_normalisation_trains_the_whole_model(
    make_image_records, tmp_path
):
    records = make_image_records()
    config = _config(records, normalization="batch", epochs=1, eval_every=2)
    metrics = train.train_and_evaluate(config, tmp_path / "run")
    # 24 / 8 = 3 steps: one validation at the second, one at the end.
    assert [each["step"] for each in metrics["validations"]] == [2, 3]
    assert metrics["validations"][-1]["accuracy"] == metrics["accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "contrast", [0.1, pytest.param(1.0, marks=pytest.mark.slow)]
)
def test_normalisation_by_the_data_set_is_fitted_to_the_train_images(
    make_image_records, tmp_path, contrast
):
    records = make_image_records()
    config = _config(
        records,
        autoencoder="linear",
        normalization="dataset",
        contrast=contrast,
        epochs=1,
    )
    train.train_and_evaluate(config, tmp_path / "run")
    network = loading.load(tmp_path / "run")
    batches = reader.read_records(records, "train", batch_size=99)
    (batch,) = batches
    images = batch["image"].numpy().astype(np.float64)
    mean = images.mean(axis=0)
    pixels = mean + contrast * (images - mean)
    _, features, _ = network.layers
    layer = features.get_layer(model.NORMALIZATION)
    expected = pixels.mean(), np.sqrt(pixels.var() + 1e-4**2)
    np.testing.assert_allclose(layer.get_weights(), expected, rtol=1e-5)
    (batch,) = reader.read_records(records, "validation", batch_size=99)
    logits = network.predict_on_batch(batch["image"].numpy())
    written = predictions.read_probabilities(tmp_path / "run")
    np.testing.assert_allclose(
        softmax(logits), np.stack(list(written.values())), atol=1e-5
    )


class _Spoil(keras.callbacks.Callback):
    """Sets a weight to NaN before the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_epoch(
    make_image_records, tmp_path
):
    config = _config(make_image_records(), autoencoder_lr=1e-3)
    run = tmp_path / "run"
    message = r"epoch 2, step 1.*train-.*lower --autoencoder_lr and --head_lr"
    with pytest.raises(FloatingPointError, match=message):
        train.train_and_evaluate(config, run, callbacks=[_Spoil()])
    kept = safetensors.numpy.load_file(run / "checkpoint.safetensors")
    assert all(np.isfinite(array).all() for array in kept.values())
    assert not (run / "metrics.json").exists()
    # A lower rate is another run.
    lower = dataclasses.replace(config, autoencoder_lr=1e-4)
    with pytest.raises(
        ValueError, match=r"autoencoder_lr: 0.001 there, 0.0001 here.*another"
    ):
        train.train_and_evaluate(lower, run)


@pytest.mark.slow
@pytest.mark.parametrize(("restore", "epoch"), [(False, 1), (True, 0)])
def test_a_callback_of_the_caller_stops_a_training_for_good(
    make_image_records, tmp_path, restore, epoch
):
    config = _config(make_image_records(), epochs=5, autoencoder="linear")
    run = tmp_path / "run"
    stop = keras.callbacks.EarlyStopping(
        "val_loss", min_delta=100.0, patience=1, restore_best_weights=restore
    )
    metrics = train.train_and_evaluate(config, run, callbacks=[stop])
    assert len(metrics["epochs"]) == 2
    assert metrics["loss"] == pytest.approx(metrics["epochs"][epoch]["loss"])
    # Killed after its last epoch, it does not train on.
    (run / "metrics.json").unlink()
    assert train.train_and_evaluate(config, run) == metrics


@pytest.mark.slow
def test_damages_while_a_run_is_unfinished_leave_no_trace(
    linear, records, tmp_path
):
    config = _config(records, **LINEAR)
    run = shutil.copytree(linear, tmp_path / "run")
    names = ("history.csv", "files.json")
    contents = [(run / name).read_bytes() for name in names]
    for name in names:
        (run / "metrics.json").unlink()
        (run / name).write_bytes(b"")
        train.train_and_evaluate(config, run)
        assert [(run / each).read_bytes() for each in names] == contents


@pytest.mark.slow
def test_weights_restored_at_the_end_outlive_a_kill(
    make_image_records, tmp_path
):
    config = _config(make_image_records(), epochs=3, autoencoder="linear")
    run = tmp_path / "run"
    worst = keras.callbacks.EarlyStopping(
        "val_loss", mode="max", patience=9, restore_best_weights=True
    )
    metrics = train.train_and_evaluate(config, run, callbacks=[worst])
    losses = [row["loss"] for row in metrics["epochs"]]
    assert len(losses) == 3
    assert metrics["loss"] == pytest.approx(max(losses))
    assert max(losses) != pytest.approx(losses[-1])
    (run / "metrics.json").unlink()
    assert train.train_and_evaluate(config, run) == metrics


@pytest.mark.slow
def test_the_train_loss_is_the_cross_entropy_alone(
    make_image_records, tmp_path
):
    records = make_image_records()
    rates = {"autoencoder_lr": 1e-12, "head_lr": 1e-12, "dropout": 0.0}
    plain, penalised = (
        train.train_and_evaluate(
            _config(records, l2=l2, epochs=1, **rates), tmp_path / name
        )["epochs"][0]["train_loss"]
        for name, l2 in (("plain", 0.0), ("penalised", 5.0))
    )
    assert penalised == pytest.approx(plain, abs=1e-4)


def test_an_image_that_is_not_finite_is_refused_before_training(
    make_image_records, tmp_path
):
    def spoil(split, index, image):
        if (split, index) == ("train", 7):
            image[0, 0, 0] = np.nan

    records = make_image_records(spoil=spoil)
    with pytest.raises(ValueError, match=r"train: .*not finite.*verify"):
        train.train_and_evaluate(_config(records), tmp_path / "run")


@pytest.mark.slow
def test_a_workdir_with_other_settings_is_refused(finished, records):
    with pytest.raises(ValueError, match=r"epochs: 3 there, 2 here"):
        train.train_and_evaluate(_config(records, epochs=2), finished)


@pytest.mark.slow
def test_a_workdir_with_other_records_is_refused(finished, make_image_records):
    second = make_image_records(seed=1, name="second")
    with pytest.raises(ValueError, match="records: "):
        train.train_and_evaluate(_config(second), finished)


def test_a_damaged_checkpoint_is_named(finished, records, tmp_path):
    config = _config(records)
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "metrics.json").unlink()
    checkpoint = run / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is not"):
        train.train_and_evaluate(config, run)


@pytest.mark.slow
def test_a_run_of_an_earlier_version_resumes(linear, records, tmp_path):
    """Its config.json does not know the settings that came later."""
    config = _config(records, **LINEAR)
    run = shutil.copytree(linear, tmp_path / "run")
    metrics = _metrics(run)
    path = run / "config.json"
    claim = json.loads(path.read_text())
    for name in ("precision", "jit_compile"):
        del claim["config"][name]
    path.write_text(json.dumps(claim))
    (run / "metrics.json").unlink()
    (run / "files.json").unlink()  # nor had it a list of files
    assert train.train_and_evaluate(config, run) == metrics
    mixed = dataclasses.replace(config, precision="mixed_bfloat16")
    with pytest.raises(ValueError, match="precision: 'auto' there"):
        train.train_and_evaluate(mixed, run)


@pytest.mark.slow
def test_the_precision_of_the_steps_is_recorded(linear, records, tmp_path):
    plain = _metrics(linear)
    mixed = train.train_and_evaluate(
        _config(records, **LINEAR, precision="mixed_bfloat16"), tmp_path / "run"
    )
    assert (plain["precision"], mixed["precision"]) == (
        "float32",
        "mixed_bfloat16",
    )
    assert (mixed["jit_compile"], mixed["device"]) == (False, "CPU")
    assert mixed["loss"] != plain["loss"]
    assert mixed["loss"] == pytest.approx(plain["loss"], abs=0.05)


def test_stacks_are_not_images(tmp_path, make_image_records):
    records = make_image_records()
    manifest = records / "manifest.json"
    value = json.loads(manifest.read_text())
    value["schema"]["kind"] = "cls"
    manifest.write_text(json.dumps(value))
    with pytest.raises(ValueError, match="must hold 'image' records"):
        train.train_and_evaluate(_config(records), tmp_path / "run")
