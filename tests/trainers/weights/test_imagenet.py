"""The real ImageNet weights, where they lie beside the project."""

import hashlib
import pathlib

import numpy as np
import pytest

from trainers import backbones
from trainers.backbones import preprocess
from trainers.backbones.slices import build_slice
from trainers.weights import filters_and_maps, load

DIRECTORY = (
    pathlib.Path(__file__).parents[4] / "shared/data/imagenet_early_layers"
)
pytestmark = pytest.mark.skipif(
    not DIRECTORY.is_dir(),
    reason=f"no published weights here: {DIRECTORY} is missing",
)
# File, the first digits of its sha256 and the first numbers of the first
# kernel, as the README beside the files states them or, for the numbers of
# the last two, as first read.
FILES = {
    "alexnet": ("alexnet.npz", "9044a7aa", [0.11864, -0.001995, -0.051702]),
    "resnet": (
        "resnet50v2.npz",
        "8099cff8",
        [-0.12618443, 0.03866151, -0.02749094],
    ),
    "shufflenet": (
        "shufflenet_v2_x1_0.npz",
        "02bf12af",
        [0.2762548, 0.16243953, 0.01561396],
    ),
    "vgg16": ("vgg16.npz", "d037d19d", [0.42947057, 0.11727387, 0.03401296]),
}


@pytest.fixture(scope="module")
def slices():
    built = {}
    for name, (file, _, _) in FILES.items():
        backbone = backbones.get_backbone(name)
        built[name] = build_slice(backbone)
        load.load_weights(built[name], backbone, str(DIRECTORY / file))
    return built


@pytest.mark.parametrize("name", FILES)
def test_files_have_the_published_hashes(slices, name):
    file, digits, first = FILES[name]
    content = (DIRECTORY / file).read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(digits)
    kernel = next(iter(load.slice_arrays(slices[name]).values()))
    np.testing.assert_allclose(kernel.flat[:3], first, rtol=1e-6)


def grey_share(filters):
    """Share of each filter's energy in the mean of its colours, `(F,)`."""
    kernel = filters - 0.5
    grey = kernel.mean(-1) ** 2
    return 3 * grey.sum((1, 2)) / (kernel**2).sum((1, 2, 3))


def correlation(filters):
    """Correlation of neighbouring pixels within the filters, both axes."""
    kernel = filters - 0.5
    pairs = (
        (kernel[:, 1:], kernel[:, :-1]),
        (kernel[:, :, 1:], kernel[:, :, :-1]),
    )
    return min(
        (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) for a, b in pairs
    )


@pytest.mark.parametrize("name", FILES)
def test_first_filters_are_edges_and_colours_not_noise(slices, name):
    backbone = backbones.get_backbone(name)
    filters = filters_and_maps.first_filters(slices[name], backbone)
    share = grey_share(filters)
    assert share.max() > 0.95  # edges, without colour
    assert share.min() < 0.01  # colours, without grey
    # ShuffleNet's are 3 x 3 at stride 2: 0.1; the others' about 0.5.
    assert correlation(filters) > (0.05 if name == "shufflenet" else 0.4)


def test_random_filters_are_neither_edges_nor_colours():
    backbone = backbones.get_backbone("resnet")
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, "random")
    filters = filters_and_maps.first_filters(slice_, backbone)
    share = grey_share(filters)
    assert 0.1 < share.min() < share.max() < 0.7
    assert abs(correlation(filters)) < 0.05


@pytest.mark.parametrize("name", FILES)
def test_maps_of_an_edge_are_of_the_order_of_one(slices, name):
    # AlexNet's receptive field has 51 pixels: the middle sees no border.
    image = np.full((1, 128, 128, 3), 0.2, "float32")
    image[:, :, 64:] = 0.8
    backbone = backbones.get_backbone(name)
    maps = np.array(
        slices[name](
            preprocess.preprocess(
                image, backbones.PREPROCESSING[backbone.preprocessing]
            )
        )
    )[0]
    assert np.isfinite(maps).all()
    # VGG16 has no batch norm: its input of 0..255 leaves maps of hundreds.
    low, high = (10, 1000) if name == "vgg16" else (0.05, 10)
    assert low < maps.std() < high
    middle = maps.shape[1] // 2
    rows = maps[middle - 1 : middle + 1]
    # The rows are alike, the columns differ at the edge.
    assert np.abs(np.diff(rows, axis=0)).max() < 0.05 * np.abs(rows).max()
    assert np.abs(np.diff(rows, axis=1)).max() > 0.1 * np.abs(rows).max()
