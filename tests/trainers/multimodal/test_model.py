"""The fusion: towers add up, a missing modality adds nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.multimodal import config, model, towers

MODALITIES = config.MODALITIES


def text_config(**changes):
    values = {"modalities": "title,description", "text_units": 6, "records": ""}
    return config.MultimodalTrainConfig(**{**values, **changes})


def values(rng, count=5):
    return {
        "text_vectors": rng.normal(size=(count, 2, 4)).astype("f4"),
        "present": np.ones((count, 3), "f4"),
    }


def test_logits_are_the_sum_of_the_towers(rng):
    models = model.build_models(text_config(), 4, 3)
    given = values(rng)
    bias = np.array(models.classifier.get_layer("head_dense").bias)
    together = models.classifier(given).numpy()
    alone = [
        models.classifier({**given, "present": given["present"] * mask}).numpy()
        for mask in (np.float32([1, 1, 0]), np.float32([1, 0, 1]))
    ]
    # Another order of the same sums.
    np.testing.assert_allclose(together, sum(alone) - bias, atol=1e-5)


def test_nothing_present_leaves_the_bias(rng):
    models = model.build_models(text_config(), 4, 3)
    given = values(rng)
    given["present"][:] = 0
    bias = np.array(models.classifier.get_layer("head_dense").bias)
    np.testing.assert_array_equal(
        models.classifier(given).numpy(), np.tile(bias, (5, 1))
    )


def test_each_towers_vector_is_an_output(rng):
    models = model.build_models(text_config(), 4, 3)
    vectors = {k: v.numpy() for k, v in models.vectors(values(rng)).items()}
    assert set(vectors) == {"title", "description", "fused"}
    np.testing.assert_array_equal(
        vectors["fused"],
        np.concatenate([vectors["title"], vectors["description"]], axis=1),
    )


@pytest.mark.parametrize("rate", [0.3, 0.9])
def test_modality_dropout_drops_its_share_but_never_the_last(rate):
    layer = model.ModalityDropout(rate, seed=0)
    present = np.ones((4000, 3), "f4")
    present[:1000, 1:] = 0  # these have one modality only
    kept = np.asarray(layer(present, training=True))
    assert (kept <= present).all()
    assert (kept.sum(axis=1) >= 1).all()
    # All three are dropped with probability rate^3, and then all stay.
    expected = (1 - rate) + rate**3
    assert abs(kept[1000:].mean() - expected) < 0.02  # 4 deviations
    np.testing.assert_array_equal(np.asarray(layer(present)), present)


def test_modality_dropout_is_drawn_anew_from_its_seed():
    present = np.ones((50, 3), "f4")
    first = np.asarray(model.ModalityDropout(0.5, 1)(present, training=True))
    again = np.asarray(model.ModalityDropout(0.5, 1)(present, training=True))
    other = np.asarray(model.ModalityDropout(0.5, 2)(present, training=True))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    copy = keras.layers.deserialize(
        keras.layers.serialize(model.ModalityDropout(0.5, 1))
    )
    assert (copy.rate, copy.seed) == (0.5, 1)


def test_every_trainable_weight_gets_a_gradient(rng):
    models = model.build_models(text_config(dropout=0.0), 4, 3)
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(models.classifier(values(rng), training=True) ** 2)
    weights = models.classifier.trainable_variables
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    assert len(weights) == 6
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients)


def test_a_grid_of_what_the_frozen_layers_see_joins_the_vector(rng):
    maps = [keras.Input((4, 4, 2)), keras.Input((2, 2, 3))]
    half = keras.Model(maps, keras.layers.GlobalMaxPooling2D()(maps[0]))
    tower = towers.Tower(half, half, ())
    # At most as many as the maps have rows and columns.
    settings = config.MultimodalTrainConfig(frozen_grid=2, image_size=32)
    vector = model._image_vector(settings, tower, maps)
    given = [rng.normal(size=(5, *m.shape[1:])).astype("f4") for m in maps]
    joined = np.asarray(keras.Model(maps, vector)(given))
    means = given[0].reshape(5, 2, 2, 2, 2, 2).mean((2, 4))
    grids = means.reshape(5, -1), given[1].reshape(5, -1)
    parts = given[0].max((1, 2)), *(0.1 * grid for grid in grids)
    np.testing.assert_allclose(
        joined, np.concatenate(parts, 1), rtol=1e-3, atol=1e-3
    )
    plain = model._image_vector(config.MultimodalTrainConfig(), tower, maps)
    assert plain.shape == (None, 2)
    with pytest.raises(ValueError, match=r"--frozen_fraction=0\.5"):
        model._image_vector(settings, tower, [keras.Input((2,))])


@pytest.mark.parametrize("modalities", config.subsets())
def test_a_model_takes_what_its_modalities_need(modalities):
    settings = config.MultimodalTrainConfig(
        backbone="mobilenetv2",
        image_size=32,
        weights="random",
        modalities=modalities,
    )
    if "image" in settings.towers and len(settings.towers) > 1:
        pytest.skip("as the image alone and the texts alone; seconds each")
    models = model.build_models(settings, 4, 3)
    assert models.classifier.output_shape == (None, 3)
    assert ("image" in models.whole.input) == ("image" in settings.towers)
    texts = settings.towers != ("image",)
    assert ("text_vectors" in models.classifier.input) == texts


def test_choices_of_modalities_are_all_seven():
    assert len(set(config.subsets())) == 7
    assert config.parse_modalities("description,image") == (
        "image",
        "description",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": "image,a sound"}, "--modalities"),
        ({"modalities": ""}, "--modalities"),
        ({"modalities": "title,title"}, "each once"),
        ({"frozen_fraction": 1.1}, "--frozen_fraction"),
        ({"modality_dropout": 1.0}, "--modality_dropout"),
        ({"backbone": "inceptionv3", "image_size": 74}, "--image_size"),
        ({"batch_size": 1}, "--batch_size"),
        ({"tower_lr": 0.0}, "--tower_lr"),
        ({"backbone": "vgg16"}, "--backbone"),
    ],
)
def test_settings_no_run_could_use_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        config.MultimodalTrainConfig(**changes)
