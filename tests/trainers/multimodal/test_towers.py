"""Image towers: exact halves of keras.applications, with given weights."""

import keras
import numpy as np
import pytest

from trainers.multimodal import config, model, run, towers
from trainers.weights import fitting

PREPROCESS = {
    "resnet50v2": keras.applications.resnet_v2.preprocess_input,
    "inceptionv3": keras.applications.inception_v3.preprocess_input,
    "mobilenetv2": keras.applications.mobilenet_v2.preprocess_input,
}


def small_model():
    """Two residual blocks with batch norm: tensors cross any cut."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="stem")(image)
    for block in ("a", "b"):
        y = keras.layers.BatchNormalization(name=f"{block}_bn")(x)
        y = keras.layers.Conv2D(4, 3, padding="same", name=f"{block}_conv")(y)
        x = keras.layers.Add(name=f"{block}_add")([x, y])
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("fraction", [0, 0.3, 0.5, 0.6, 0.8, 1])
def test_the_halves_together_are_the_whole(rng, fraction):
    full = small_model()
    frozen, tuned = towers.cut(full, fraction)
    images = rng.normal(size=(2, 8, 8, 3)).astype("f4")
    maps = frozen(images)
    maps = maps if isinstance(maps, list) else [maps]
    np.testing.assert_array_equal(
        np.asarray(tuned(maps)), np.asarray(full(images))
    )
    number = max(round(fraction * len(full.layers)), 1)
    assert set(full.layers[:number]) >= set(frozen.layers[1:])
    assert not frozen.trainable_variables


def test_frozen_layers_and_their_batch_norm_never_move(rng):
    full = small_model()
    frozen, tuned = towers.cut(full, 0.6)
    image = keras.Input((8, 8, 3))
    maps = frozen(image)
    maps = maps if isinstance(maps, list) else [maps]
    whole = keras.Model(image, keras.layers.Dense(2)(tuned(maps)))
    whole.compile("sgd", "mse")
    before = [np.array(v) for v in frozen.variables]
    after = [np.array(v) for v in tuned.variables]
    assert any("moving_mean" in v.path for v in frozen.variables)
    whole.train_on_batch(
        rng.normal(size=(4, 8, 8, 3)).astype("f4"), np.ones((4, 2), "f4")
    )
    for old, variable in zip(before, frozen.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))
    assert any(
        (old != np.array(variable)).any()
        for old, variable in zip(after, tuned.variables, strict=True)
    )


def test_random_branches_start_as_their_shortcuts(rng, random_tower):
    full = small_model()
    towers.quiet_branches(full, ("a_conv",))
    adds = [full.get_layer(f"{block}_add") for block in "ab"]
    tensors = [t for add in adds for t in (add.output, add.input[0])]
    images = rng.normal(size=(2, 8, 8, 3)).astype("f4")
    quiet, shortcut, loud, other = (
        np.asarray(t) for t in keras.Model(full.input, tensors)(images)
    )
    np.testing.assert_array_equal(quiet, shortcut)
    assert np.abs(loud - other).max() > 0.01
    # With batch norm at a branch's end, as in MobileNetV2.
    layers = {layer.name: layer for layer in random_tower.tuned.layers}
    ends = [name for name in layers if name.endswith("_project_BN")]
    zeros = [name for name in ends if not np.any(layers[name].gamma)]
    assert len(ends) > len(zeros) > 3
    assert {name.replace("project_BN", "add") for name in zeros} == {
        name for name in layers if name.endswith("_add")
    }


@pytest.mark.parametrize("backbone", sorted(config.TOWERS))
def test_pixels_are_scaled_as_the_towers_own_preprocessing(backbone, rng):
    pixels = rng.integers(0, 256, (1, 4, 4, 3)).astype("f4")
    scale, offset = config.PIXEL_RANGES["tower"]
    np.testing.assert_allclose(
        pixels * scale + offset,
        PREPROCESS[backbone](pixels.copy()),
        rtol=0,
        atol=1e-6,  # a product for a quotient
    )


def test_the_papers_preset_has_its_images():
    paper = config.MultimodalTrainConfig(**config.PRESETS["paper"])
    same = keras.Sequential([keras.Input((300, 300, 3)), keras.layers.ReLU()])
    tower = towers.Tower(same, same, ())
    extractor = model._build_extractor(tower, paper)
    assert extractor.input.shape[1:] == (300, 300, 3)
    pixels = np.full((1, 300, 300, 3), 255, "f4")
    scaling = extractor.get_layer("scaling")
    assert np.asarray(scaling(pixels)).max() == 1
    assert np.asarray(scaling(0 * pixels)).min() == 0
    assert run.default_workdir(paper) != run.default_workdir(
        config.MultimodalTrainConfig(image_size=300)
    )


def test_names_are_those_of_a_fresh_process():
    assert towers._fresh_names(
        ["input_layer_3", "conv2d_10", "conv2d_9", "mixed0", "conv2d_11"]
    ) == {
        "input_layer_3": "input_layer",
        "conv2d_9": "conv2d",
        "conv2d_10": "conv2d_1",
        "conv2d_11": "conv2d_2",
        "mixed0": "mixed0",
    }


def build(source, **changes):
    values = {"frozen_fraction": 0.5, "source": source, "seed": 0}
    return towers.build_tower("mobilenetv2", 32, **{**values, **changes})


def weights_of(tower):
    return {
        name: np.array(variable)
        for half in (tower.frozen, tower.tuned)
        for name, variable in fitting.slice_variables(half).items()
    }


@pytest.fixture(scope="module")
def random_tower():
    return build("random")


def test_a_file_that_lacks_layers_fills_what_it_has(
    random_tower, tmp_path, rng
):
    drawn = weights_of(random_tower)
    part = {
        name: rng.uniform(0.1, 1, value.shape).astype("f4")
        for name, value in drawn.items()
        if name.startswith(("Conv1", "bn_Conv1", "block_1_"))
    }
    path = tmp_path / "part.npz"
    np.savez(path, **part)
    tower = build(str(path))
    for name, value in weights_of(tower).items():
        np.testing.assert_array_equal(value, part.get(name, drawn[name]))
    given = {name.split("/")[0] for name in part}
    every = {name.split("/")[0] for name in drawn}
    assert set(tower.missing) == every - given


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("bn_Conv1/gamma"), "missing: bn_Conv1/gamma"),
        (lambda a: a.update({"conv9/kernel": np.ones(3)}), "not of this slice"),
        (lambda a: a.update({"Conv1/kernel": np.ones(3)}), "expected shape"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    random_tower, tmp_path, change, message
):
    part = {
        name: value
        for name, value in weights_of(random_tower).items()
        if name.startswith(("Conv1", "bn_Conv1"))
    }
    change(part)
    path = tmp_path / "part.npz"
    np.savez(path, **part)
    with pytest.raises(ValueError, match=message):
        build(str(path))


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a file"):
        build(str(tmp_path / "none.npz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "size"),
    [("resnet50v2", 40), ("inceptionv3", 75), ("mobilenetv2", 40)],
)
def test_whole_towers_equal_keras_applications(backbone, size, rng, tmp_path):
    full = towers._BUILDERS[backbone](
        include_top=False,
        weights=None,
        input_shape=(size, size, 3),
        pooling="avg",
    )
    path = tmp_path / "full.weights.h5"
    names = towers._fresh_names([layer.name for layer in full.layers])
    renamed = keras.models.clone_model(
        full,
        clone_function=lambda layer: type(layer).from_config(
            {**layer.get_config(), "name": names[layer.name]}
        ),
    )
    for variable in renamed.variables:
        low = 0.5 if "variance" in variable.path else -0.2
        variable.assign(rng.uniform(low, 0.7, variable.shape))
    renamed.save_weights(path)
    tower = towers.build_tower(
        backbone, size, frozen_fraction=0.5, source=str(path), seed=0
    )
    assert not tower.missing
    images = rng.uniform(-1, 1, (2, size, size, 3)).astype("f4")
    maps = tower.frozen(images)
    vector = tower.tuned(maps if isinstance(maps, list) else [maps])
    np.testing.assert_array_equal(
        np.asarray(vector), np.asarray(renamed(images))
    )


@pytest.mark.slow
def test_the_published_early_layers_fill_resnet(shared_data):
    path = shared_data / "imagenet_early_layers" / "resnet50v2.npz"
    tower = towers.build_tower(
        "resnet50v2", 64, frozen_fraction=0.4, source=str(path), seed=0
    )
    assert all(n.startswith(("conv4", "conv5", "post")) for n in tower.missing)
