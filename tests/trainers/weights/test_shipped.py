"""`--weights=cifar10`: the shipped files are loaded as they are stored."""

import hashlib
import pathlib

import numpy as np
import pytest
import safetensors.numpy

from tests.support import backbones_arrays
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import load, shipped

DATA = pathlib.Path(shipped.__file__).parent / "data" / "cifar10"


@pytest.mark.parametrize("name", backbones.BACKBONES)
def test_slice_has_the_stored_weights(name):
    backbone = backbones.get_backbone(name)
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, "cifar10")
    stored = safetensors.numpy.load_file(DATA / f"{name}.safetensors")
    loaded = load.slice_arrays(slice_)
    assert loaded.keys() == stored.keys()
    for key, array in loaded.items():
        assert stored[key].dtype == np.float16
        assert array.dtype == np.float32
        # Every float16 is a float32.
        np.testing.assert_array_equal(array, stored[key], err_msg=key)
    maps = slice_(backbones_arrays.random_images(50, 50))
    assert np.isfinite(maps).all()
    spread = np.asarray(maps).std(axis=(0, 1, 2))
    assert (spread > 0).mean() > 0.5  # most filters respond


@pytest.mark.parametrize("name", backbones.BACKBONES)
def test_card_states_the_hash_that_is_checked(name):
    content = (DATA / f"{name}.safetensors").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert shipped.SHA256[name] == sha256
    assert sha256 in (DATA / "CARD.md").read_text("utf-8")
