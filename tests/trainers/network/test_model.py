"""The assembled network: what is frozen, what learns, what it returns."""

import keras
import numpy as np
import pytest

from tests.support import fitting
from trainers import backbones
from trainers.config import TrainConfig
from trainers.network import model, optimizer
from trainers.weights import load

IMAGE = (50, 50, 1)


def _config(**settings) -> TrainConfig:
    return TrainConfig(**{"weights": "random", **settings})


def _compiled(models: model.Models) -> keras.Model:
    models.whole.compile(
        optimizer=optimizer.PartwiseAdam({"autoencoder": 1e-3, "head": 1e-3}),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return models.whole


@pytest.mark.parametrize(
    ("autoencoder", "name"),
    [("linear", model.LINEAR_CODE), ("symmetric", model.CONTRAST)],
)
def test_a_model_that_is_not_fitted_refuses_to_answer(rng, autoencoder, name):
    models = model.build_models(_config(autoencoder=autoencoder), IMAGE, 2)
    images = rng.uniform(0, 1, (2, *IMAGE)).astype(np.float32)
    if models.linear_code is not None:
        models.contrast.fit([images])
    for answer in (models.whole, models.whole.predict, models.features):
        with pytest.raises(ValueError, match=f"'{name}' is not fitted"):
            answer(images)
    fitting.fill(models.features)
    assert models.whole(images).shape == (2, 2)


@pytest.mark.parametrize("depth", [1, 2])
def test_an_earlier_cut_gives_what_the_whole_slice_computes_there(rng, depth):
    settings = {"contrast": 1.0, "backbone": "shufflenet"}
    whole = model.build_extractor(_config(**settings), IMAGE)
    cut = model.build_extractor(_config(**settings, slice_depth=depth), IMAGE)
    images = rng.uniform(0, 1, (2, *IMAGE)).astype(np.float32)
    *before, slice_ = whole.layers
    name = backbones.get_backbone("shufflenet").earlier_cuts[depth - 1]
    there = keras.Model(slice_.input, slice_.get_layer(name).output)
    expected = there(keras.Model(whole.input, before[-1].output)(images))
    np.testing.assert_array_equal(cut(images), expected)
    assert not cut.trainable_weights


AUTOENCODERS = (
    {"autoencoder": "linear"},
    pytest.param(
        {"autoencoder": "symmetric", "reconstruction_weight": 0.0},
        marks=pytest.mark.slow,
    ),
    {"autoencoder": "symmetric", "reconstruction_weight": 0.5},
    pytest.param(
        {"autoencoder": "paper", "upsample": 3}, marks=pytest.mark.slow
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("settings", AUTOENCODERS, ids=str)
def test_training_moves_autoencoder_and_head_and_nothing_frozen(rng, settings):
    models = model.build_models(
        _config(backbone="resnet", **settings), IMAGE, 3
    )
    fitting.fill(models.features)
    whole = _compiled(models)
    frozen = models.extractor.layers[-1]
    assert not models.extractor.trainable_variables
    before = {k: v.copy() for k, v in load.slice_arrays(frozen).items()}
    # The decoder's last bias starts at 0 and has a gradient all the same.
    start = [np.array(v) for v in models.classifier.trainable_variables]
    images = rng.uniform(0, 1, (8, *IMAGE)).astype(np.float32)
    for _ in range(2):  # ReLUs that were dead in one step may wake
        whole.train_on_batch(images, np.arange(8) % 3)
    for name, array in load.slice_arrays(frozen).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    for variable, old in zip(
        models.classifier.trainable_variables, start, strict=True
    ):
        assert (np.asarray(variable) != old).any(), variable.path


@pytest.mark.slow
def test_batch_norm_in_training_mode_drifts_and_learns_nothing(rng):
    """The published code's way, against the formula of batch norm."""
    models = model.build_models(
        _config(slice_batch_norm="training", contrast=1.0), IMAGE, 3
    )
    fitting.fill(models.features)
    slice_ = models.extractor.layers[-1]
    before = {k: v.copy() for k, v in load.slice_arrays(slice_).items()}
    images = rng.uniform(0, 1, (8, *IMAGE)).astype(np.float32)
    first = next(
        layer
        for layer in slice_.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    )
    until_bn = keras.Model(slice_.input, first.input)
    inputs = keras.Model(
        models.extractor.input, models.extractor.layers[-2].output
    )
    mean = np.asarray(until_bn(inputs(images))).mean(axis=(0, 1, 2))
    _compiled(models).train_on_batch(images, np.arange(8) % 3)
    after = load.slice_arrays(slice_)
    for name, array in after.items():
        statistics = name.rsplit("/", 1)[1].startswith("moving_")
        assert (array != before[name]).any() == statistics, name
    np.testing.assert_allclose(
        after[f"{first.name}/moving_mean"],
        0.9 * before[f"{first.name}/moving_mean"] + 0.1 * mean,
        rtol=1e-4,
        atol=1e-4,
    )
    assert {v.path for v in models.whole.trainable_variables} == {
        v.path for v in models.classifier.trainable_variables
    }


@pytest.mark.parametrize("autoencoder", ["linear", "symmetric"])
def test_the_halves_make_the_whole(rng, autoencoder):
    models = model.build_models(_config(autoencoder=autoencoder), IMAGE, 2)
    fitting.fill(models.features)
    images = rng.uniform(0, 1, (4, *IMAGE)).astype(np.float32)
    read = models.features.predict_on_batch(images)
    np.testing.assert_allclose(
        models.classifier.predict_on_batch(read),
        models.whole.predict_on_batch(images),
        atol=1e-5,  # the same operations, fused differently
    )


@pytest.mark.slow
def test_the_same_seed_builds_the_same_network():
    first, second = (
        model.build_models(_config(seed=3), IMAGE, 2).whole for _ in range(2)
    )
    other = model.build_models(_config(seed=4), IMAGE, 2).whole
    for a, b in zip(first.weights, second.weights, strict=True):
        if "seed_generator" not in a.path:
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert any(
        (np.asarray(a) != np.asarray(b)).any()
        for a, b in zip(
            first.trainable_variables, other.trainable_variables, strict=True
        )
    )


@pytest.mark.parametrize("name", sorted(backbones.BACKBONES))
def test_the_published_heads_have_the_published_sizes(name):
    # REFERENCES: pooled code to 5 x 5 x 64 = 1600 or 10 x 10 x 32 = 3200.
    recipe = backbones.get_backbone(name).recipe
    maps = backbones.get_backbone(name).map_size(150)
    classifier = model.build_classifier(
        _config(backbone=name, autoencoder="paper", upsample=3),
        (maps, maps, backbones.get_backbone(name).num_maps),
        2,
    )
    flat = classifier.get_layer("head_flatten").output.shape[1]
    assert flat == (1600 if name == "alexnet" else 3200)
    units = [
        layer.units
        for layer in classifier.layers
        if isinstance(layer, keras.layers.Dense)
    ]
    assert units == [*recipe.hidden_units, 2]


def test_images_too_small_for_the_paper_name_the_upsampling_to_use():
    with pytest.raises(ValueError, match="--upsample="):
        model.build_models(
            _config(backbone="shufflenet", autoencoder="paper", upsample=1),
            IMAGE,
            2,
        )


def test_the_penalty_is_on_every_kernel_of_the_head():
    config = TrainConfig(weights="random", l2=0.5, reconstruction_weight=0.0)
    classifier = model.build_classifier(config, (3, 3, 8), 2)
    kernels = [
        np.asarray(weight)
        for weight in classifier.trainable_variables
        if weight.path.startswith("head") and weight.path.endswith("kernel")
    ]
    assert len(kernels) == 4  # three layers and the shortcut
    assert float(sum(classifier.losses)) == pytest.approx(
        0.5 * sum(np.square(kernel).sum() for kernel in kernels), rel=1e-5
    )


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels"):
        model.build_models(_config(), (50, 50, 2), 2)


@pytest.mark.slow
def test_logits_are_float32_in_mixed_precision(rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = model.build_models(_config(), IMAGE, 2)
    finally:
        keras.config.set_dtype_policy("float32")
    fitting.fill(models.features)
    images = rng.uniform(0, 1, (1, *IMAGE)).astype(np.float32)
    logits = models.whole.predict_on_batch(images)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_each_part_steps_as_its_own_adam_would(rng):
    """Parity with two Keras Adams on the same gradients."""
    values = {
        "autoencoder_a": rng.normal(size=(3, 2)).astype(np.float32),
        "head_b": rng.normal(size=4).astype(np.float32),
    }
    rates = {"autoencoder": 1e-2, "head": 3e-4}
    gradients = [
        [rng.normal(size=v.shape).astype(np.float32) for v in values.values()]
        for _ in range(5)
    ]

    def variables():
        return [
            keras.Variable(value, name=name) for name, value in values.items()
        ]

    ours = variables()
    partwise = optimizer.PartwiseAdam(rates)
    partwise.build(ours)
    theirs = variables()
    adams = [keras.optimizers.Adam(rate) for rate in rates.values()]
    for step in gradients:
        tensors = [keras.ops.convert_to_tensor(g) for g in step]
        partwise.apply(tensors)
        for adam, gradient, variable in zip(
            adams, tensors, theirs, strict=True
        ):
            adam.apply([gradient], [variable])
    for a, b in zip(ours, theirs, strict=True):
        # The rate is multiplied in another order: one ulp a step.
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


def test_a_whole_layers_rate_goes_before_that_of_its_first_word():
    names = ("post_bn/gamma", "post_tuning/kernel", "title_tuning/kernel")
    variables = [keras.Variable(np.zeros(1), name="x") for _ in names]
    for variable, name in zip(variables, names, strict=True):
        variable._path = name  # Keras's, of a variable of a layer
    adam = optimizer.PartwiseAdam({"post_tuning": 0.5, "title": 0.1, "": 1.0})
    adam.build(variables)
    steps = [np.ones(1, np.float32)] * 3
    adam.apply([keras.ops.convert_to_tensor(step) for step in steps])
    moved = [-float(np.asarray(variable)[0]) for variable in variables]
    assert moved == pytest.approx([1.0, 0.5, 0.1], rel=1e-4)  # its epsilon


def test_rates_fall_to_zero_along_a_half_cosine():
    variable = keras.Variable(np.zeros(1, np.float32), name="head_b")
    adam = optimizer.PartwiseAdam({"head": 0.5}, decay_steps=4)
    adam.build([variable])
    # Adam's step under a constant gradient is its rate.
    expected, position = 0.0, 0.0
    for step in range(4):
        adam.apply([keras.ops.ones(1)])
        expected += 0.25 * (1 + np.cos(np.pi * step / 4))
        position = -float(np.asarray(variable)[0])
        assert position == pytest.approx(expected, rel=1e-4)  # its epsilon
    adam.apply([keras.ops.ones(1)])
    assert -float(np.asarray(variable)[0]) == pytest.approx(position)


def test_the_optimizer_survives_its_config():
    rates = {"autoencoder": 1e-2, "head": 3e-4}
    adam = optimizer.PartwiseAdam(rates, decay_steps=7, weight_decay=0.1)
    config = optimizer.PartwiseAdam.from_config(adam.get_config()).get_config()
    assert config["learning_rates"] == pytest.approx(rates)
    assert config["decay_steps"] == 7
    assert config["weight_decay"] == 0.1


def test_a_variable_of_no_part_is_refused():
    with pytest.raises(ValueError, match="stray"):
        optimizer.PartwiseAdam({"head": 1e-3}).build(
            [keras.Variable(np.zeros(2), name="stray_kernel")]
        )


@pytest.mark.parametrize("kind", ["linear", "symmetric"])
def test_a_network_split_at_its_maps_gives_the_same_logits(rng, kind):
    models = model.build_models(
        _config(backbone="vgg16", autoencoder=kind), IMAGE, 3
    )
    fitting.fill(models.whole)
    to_maps, to_logits = model.split_at_maps(models.whole)
    images = rng.uniform(0, 1, (2, *IMAGE)).astype(np.float32)
    maps = to_maps(images)
    np.testing.assert_array_equal(maps, models.extractor(images))
    logits = models.whole(images)
    assert np.ptp(logits) > 0
    np.testing.assert_allclose(to_logits(maps), logits, rtol=1e-5, atol=1e-6)
