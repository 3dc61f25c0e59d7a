"""Features in memory, in files, shared between trainings, after a kill."""

import numpy as np
import pytest

from tests.support.damages import damage
from tfrecords import reader
from trainers.config import TrainConfig
from trainers.network import model
from trainers.runs import checkpoints
from trainers.training import frozen_half
from trainers.training.feature_cache import FeatureCache


@pytest.fixture
def records(make_image_records):
    return make_image_records(num_train=70)  # more than one batch


def _models(records, **settings):
    config = TrainConfig(
        **{
            "backbone": "vgg16",
            "weights": "random",
            "upsample": 1,
            **settings,
        }
    )
    shape = reader.open_records(records).schema.shape
    return config, model.build_models(config, shape, 2)


def _prepare(records, directory, *, key=None, limit_bytes=1e9, **settings):
    """Features, the frozen half's variables, and the key of a training."""
    config, models = _models(records, **settings)
    manifest = reader.open_records(records)
    if key is None:
        key = frozen_half.key(config.slice_settings, manifest, models)
    inputs = frozen_half.prepare(
        records,
        manifest,
        models,
        FeatureCache(directory, key, limit_bytes),
        is_constant=config.has_constant_maps,
        batch_size=32,
    )
    values = checkpoints.variables(models.features).values()
    return inputs, [np.array(value) for value in values], key


def _assert_same(first, second):
    for split, part in first[0].items():
        other = second[0][split]
        np.testing.assert_array_equal(part.values[:], other.values[:])
        np.testing.assert_array_equal(part.labels, other.labels)
        assert part.ids == other.ids
    for value, other in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.mark.slow
@pytest.mark.parametrize("limit_bytes", [1e9, 0.0], ids=["memory", "files"])
@pytest.mark.parametrize("key", ["", "shared"])
def test_cached_features_equal_recomputed_ones(
    records, tmp_path, key, limit_bytes
):
    _, models = _models(records, autoencoder="symmetric", contrast=1.0)
    inputs = FeatureCache(tmp_path / "cache", key, limit_bytes).fill(
        records,
        reader.open_records(records),
        models.features,
        checkpoints.variables(models.features),
    )
    assert isinstance(inputs["train"].values, np.ndarray) == (limit_bytes > 0)
    (batch,) = reader.read_records(records, "train", batch_size=70)
    np.testing.assert_allclose(
        inputs["train"].values[:],
        models.features.predict_on_batch(batch["image"].numpy()),
        # VGG16's random maps reach tens; other batches sum in other orders.
        rtol=1e-5,
        atol=1e-4,
    )
    assert inputs["train"].labels.tolist() == batch["label"].numpy().tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "autoencoder",
    ["linear", pytest.param("symmetric", marks=pytest.mark.slow)],
)
def test_shared_features_are_computed_once_and_with_the_fit(
    records, tmp_path, autoencoder
):
    directory = tmp_path / "shared"
    alone = _prepare(records, directory, key="", autoencoder=autoencoder)
    assert not directory.exists()
    first = _prepare(records, directory, autoencoder=autoencoder)
    path = directory / "train.npy"
    written = path.stat().st_mtime_ns
    second = _prepare(records, directory, autoencoder=autoencoder)
    assert path.stat().st_mtime_ns == written
    _assert_same(alone, first)
    _assert_same(first, second)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 5},
        {"contrast": 0.5},
        {"normalization": "dataset"},
        {"slice_batch_norm": "training"},
    ],
    ids=str,
)
def test_other_features_have_another_key(records, change):
    keys = set()
    for settings in ({}, change):
        config, models = _models(records, **settings)
        manifest = reader.open_records(records)
        keys.add(frozen_half.key(config.slice_settings, manifest, models))
    assert len(keys) == 2


@pytest.mark.slow
def test_another_key_replaces_the_features(records, tmp_path):
    first = _prepare(records, tmp_path / "shared")
    second = _prepare(records, tmp_path / "shared", seed=5)
    assert first[2] != second[2]
    assert (first[0]["train"].values != second[0]["train"].values).any()


@pytest.mark.slow
def test_a_fill_that_was_killed_is_not_opened(records, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save", killed)  # after the features
        with pytest.raises(KeyboardInterrupt):
            _prepare(records, tmp_path / "shared")
    _, models = _models(records)
    fitted = checkpoints.variables(models.features)
    *_, key = _prepare(records, tmp_path / "other")
    assert FeatureCache(tmp_path / "shared", key).open(fitted) is None
    assert FeatureCache(tmp_path / "other", key).open(fitted) is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("train.npy", "flipped"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("validation.json", "cut"),
                ("fitted.safetensors", "flipped"),
                ("files.json", "emptied"),
                ("key", "flipped"),
            )
        ),
    ],
)
def test_damaged_features_are_computed_again(
    records, tmp_path, caplog, name, kind
):
    first = _prepare(records, tmp_path / "maps")
    whole = damage(tmp_path / "maps" / name, kind)
    _assert_same(_prepare(records, tmp_path / "maps"), first)
    assert (tmp_path / "maps" / name).read_bytes() == whole
    assert name == "key" or f"{name}: " in caplog.text


def test_too_little_space_is_an_error_before_the_work(
    records, tmp_path, monkeypatch
):
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"needs .* GB .*--limit_train"):
        _prepare(records, tmp_path / "shared", limit_bytes=0)
