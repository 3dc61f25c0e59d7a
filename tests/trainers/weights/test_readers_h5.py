"""`--weights=PATH` for Keras's three .h5 layouts, and hostile files."""

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

from tests.support.backbones_weights import (
    assert_equal,
    changed,
    load_source,
    random_arrays,
    write_legacy_h5,
)
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import load


def test_published_vgg16_names_are_read_by_position(tmp_path):
    vgg16 = build_slice(backbones.get_backbone("vgg16"))
    arrays = random_arrays(vgg16)
    order = sorted(arrays, key=lambda n: (n.split("/")[0], "bias" in n))
    more = {name: arrays[name] for name in order}
    more["block5_conv1/kernel"] = np.zeros((1, 1, 2, 2), "float32")

    def rename(name):  # as Keras 1 wrote the file that is still published
        layer, variable = name.split("/")
        return f"{layer}_{'W' if variable == 'kernel' else 'b'}_1:0"

    path = tmp_path / "vgg16_notop.h5"
    write_legacy_h5(path, more, rename)
    assert_equal(load_source(vgg16, "vgg16", path), arrays)


def test_legacy_h5_with_batch_norm_is_read(tmp_path, resnet):
    arrays = random_arrays(resnet)
    ordered = {name: arrays[name] for name in load.slice_arrays(resnet)}
    path = tmp_path / "resnet.h5"
    write_legacy_h5(
        path, ordered, lambda name: f"{name.split('/')[0]}/{name}:0"
    )
    assert_equal(load_source(resnet, "resnet", path), arrays)


@pytest.mark.parametrize("whole", [False, True])
def test_keras_weights_h5_is_read(tmp_path, resnet, whole):
    arrays = random_arrays(resnet)
    source = keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    if not whole:
        cut = source.get_layer("conv2_block2_out").output
        source = keras.Model(source.input, cut)
    for layer in source.layers:
        if f"{layer.name}/{'gamma' if 'bn' in layer.name else 'kernel'}" in (
            arrays
        ):
            layer.set_weights(
                [arrays[f"{layer.name}/{v.name}"] for v in layer.variables]
            )
    path = tmp_path / "model.weights.h5"
    source.save_weights(path)
    assert_equal(load_source(resnet, "resnet", path), arrays)


def random_vgg16(head=None):
    """A VGG16 up to the slice's end, with random weights, and a head."""
    full = keras.applications.VGG16(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    cut = full.get_layer("block3_conv1").output
    model = keras.Model(full.input, head(cut) if head else cut)
    arrays = {}
    for layer in full.layers:
        if layer.variables and layer in model.layers:
            rng = np.random.default_rng(len(arrays))
            layer.set_weights([rng.normal(size=v.shape) for v in layer.weights])
            for variable in layer.variables:
                arrays[f"{layer.name}/{variable.name}"] = np.array(variable)
    return model, arrays


@pytest.fixture(scope="module")
def vgg16():
    return build_slice(backbones.get_backbone("vgg16"))


@pytest.mark.parametrize(
    "name", ["m.keras", "m.h5", "M.H5", "m.hdf5", "m.weights.h5"]
)
def test_files_that_keras_saves_are_read(tmp_path, vgg16, name):
    def head(x):  # the user's own classifier
        return keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(x))

    model, arrays = random_vgg16(head)
    path = tmp_path / name
    if name.endswith(".weights.h5"):
        model.save_weights(path)
    elif name.endswith(".keras"):
        model.save(path)
    else:
        model.save(tmp_path / "m.hdf5")
        (tmp_path / "m.hdf5").rename(path)
    assert_equal(load_source(vgg16, "vgg16", path), arrays)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
def test_slice_within_a_model_is_read(tmp_path, vgg16, name):
    inner, arrays = random_vgg16()
    model = keras.Sequential(
        [inner, keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    )
    path = tmp_path / name
    if name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    assert_equal(load_source(vgg16, "vgg16", path), arrays)


def test_keras_archive_without_layer_names_goes_by_its_config(tmp_path, vgg16):
    model, arrays = random_vgg16()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = archive.read("config.json")
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content, "a") as file:  # as Keras before 3.5 wrote it

        def unname(_, item):
            item.attrs.pop("name", None)

        file.visititems(unname)
    path = tmp_path / "old.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", content.getvalue())
    assert_equal(load_source(vgg16, "vgg16", path), arrays)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_keras_files_of_other_precisions_are_read(tmp_path, vgg16, dtype):
    keras.config.set_floatx(dtype)
    try:
        model, arrays = random_vgg16()
    finally:
        keras.config.set_floatx("float32")
    path = tmp_path / "m.keras"
    model.save(path)
    received = load_source(vgg16, "vgg16", path)
    assert_equal(received, {k: v.astype("float32") for k, v in arrays.items()})


@pytest.mark.parametrize(
    ("name", "content"),
    [("m.keras", b"junk"), ("m.keras", None), ("m.hdf5", b"junk")],
)
def test_file_that_keras_did_not_write_is_refused(
    tmp_path, vgg16, name, content
):
    path = tmp_path / name
    if content:
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=f"{name}.*cannot be read"):
        load_source(vgg16, "vgg16", path)


@pytest.mark.parametrize(
    "config", ["junk", "[]", '{"config": {"layers": [1]}}']
)
def test_keras_archive_with_a_damaged_config_is_refused(
    tmp_path, vgg16, config
):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ValueError, match=r"m\.keras.*cannot be read"):
        load_source(vgg16, "vgg16", path)


def test_h5_whose_arrays_have_no_numbers_lacks_their_layer(tmp_path, vgg16):
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/block1_conv1/vars")
        group.attrs["name"] = "block1_conv1"
        group["kernel"] = np.zeros((3, 3, 3, 64), "float32")
    with pytest.raises(ValueError, match="missing: block1_conv1/kernel"):
        load_source(vgg16, "vgg16", path)


VGG19 = [
    f"block{block}_conv{number}"
    for block, last in enumerate((2, 2, 4, 4, 4), start=1)
    for number in range(1, last + 1)
]
RESNET50 = [
    f"conv{part}_{kind}"
    for part in ("1", *(f"2_block1_{number}" for number in range(4)))
    for kind in ("conv", "bn")
]


@pytest.mark.parametrize(
    ("backbone", "layers", "title"),
    [("vgg16", VGG19, "VGG19"), ("resnet", RESNET50, "ResNet V1")],
)
def test_file_of_a_related_architecture_is_named(
    tmp_path, backbone, layers, title
):
    arrays = {
        f"{layer}/{variable}": np.zeros(1, "float32")  # names alone count
        for layer in layers
        for variable in ("abcd" if layer.endswith("bn") else "ab")
    }
    path = tmp_path / "related.h5"
    write_legacy_h5(path, arrays)
    slice_ = build_slice(backbones.get_backbone(backbone))
    with pytest.raises(ValueError, match=f"seems to be {title}") as caught:
        load_source(slice_, backbone, path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("kind", ["soft", "external", "virtual"])
def test_h5_that_points_elsewhere_is_refused(tmp_path, alexnet, kind):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(256))
    path = tmp_path / "linked.h5"
    write_legacy_h5(path, random_arrays(alexnet))
    with h5py.File(path, "a") as file:
        group = file["conv1"]
        name = next(n for n in group.attrs["weight_names"] if "bias" in n)
        del group[name]
        if kind == "soft":
            group[name] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "external":
            group.create_dataset(
                name, (64,), "float32", external=[(str(secret), 0, 256)]
            )
        else:
            layout = h5py.VirtualLayout((64,), "float32")
            layout[:] = h5py.VirtualSource(str(secret), "x", (64,))
            group.create_virtual_dataset(name, layout)
    with pytest.raises(ValueError, match="must hold its arrays itself"):
        load_source(alexnet, "alexnet", path)


def test_h5_layer_with_too_few_arrays_is_refused(tmp_path, alexnet):
    path = tmp_path / "few.h5"
    write_legacy_h5(path, changed(random_arrays(alexnet), conv1__bias=None))
    with pytest.raises(ValueError, match="2 arrays for conv1"):
        load_source(alexnet, "alexnet", path)
