"""`--weights=PATH` for Keras's three .h5 layouts, and hostile files."""

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
