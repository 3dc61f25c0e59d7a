"""Figures of filters and feature maps."""

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from text2image import hashes
from tfrecords import schema
from tfrecords.settings import fingerprint
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import filters_and_maps, load, show


def build(name):
    backbone = backbones.get_backbone(name)
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, "random")
    return slice_, backbone


def test_filters_are_drawn_in_rgb_around_grey():
    slice_, backbone = build("vgg16")
    kernel = np.zeros((3, 3, 3, 64), "float32")
    kernel[0, 1, 0, 5] = -2.0  # the first channel of BGR: blue
    slice_.get_layer("block1_conv1").kernel.assign(kernel)
    filters = filters_and_maps.first_filters(slice_, backbone)
    assert filters.shape == (64, 3, 3, 3)
    np.testing.assert_array_equal(filters[5, 0, 1], [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(filters[4], np.full((3, 3, 3), 0.5))


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (2, 3)), (4, (5, 7)), (5, (5, 11))]
)
def test_tiles_keep_every_image(count, shape):
    images = np.arange(count * 6.0).reshape(count, 2, 3)
    grid = filters_and_maps.tile(images)
    assert grid.shape == shape
    np.testing.assert_array_equal(
        np.sort(grid[~np.isnan(grid)]), np.arange(count * 6)
    )
    np.testing.assert_array_equal(grid[:2, :3], images[0])


def run(tmp_path, *flags):
    out = tmp_path / "out"
    code = show.main(
        ["--backbone=alexnet", "--weights=random", f"--out={out}", *flags]
    )
    return code, sorted(path.name for path in out.glob("*"))


def test_without_an_image_the_filters_are_drawn(tmp_path):
    assert run(tmp_path) == (0, ["filters.png"])
    figure = matplotlib.image.imread(tmp_path / "out" / "filters.png")
    assert figure.std() > 0.1


def test_an_image_file_gives_maps(tmp_path):
    path = tmp_path / "image.png"
    pixels = np.random.default_rng(0).random((40, 30, 3))
    matplotlib.image.imsave(path, pixels)
    image = filters_and_maps.read_image(path)
    np.testing.assert_allclose(image, pixels, atol=1 / 255)
    figures = ["filters.png", "maps.png"]
    assert run(tmp_path, f"--image={path}") == (0, figures)


@pytest.mark.parametrize(
    ("flags", "code", "error"),
    [
        (["--image=a", "--image_records=b"], 2, "Received: both."),
        (["--index=1"], 1, "--index would have no effect"),
        (["--image=a", "--split=train"], 1, "--split would have no effect"),
        (["--upsample=2"], 1, "--upsample would have no effect"),
        (["--image=a", "--upsample=0"], 1, "in [1, 32]. Received: 0"),
        (["--image=nothing"], 1, "does not exist"),
    ],
)
def test_flags_that_cannot_be_drawn_are_refused(
    flags, code, error, tmp_path, capsys
):
    assert run(tmp_path, *flags) == (code, [])
    assert error in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["backbone", "weights", "out"])
def test_a_required_flag_is_named_when_missing(missing, capsys):
    flags = {"backbone": "alexnet", "weights": "random", "out": "figures"}
    del flags[missing]
    assert show.main([f"--{key}={value}" for key, value in flags.items()]) == 2
    assert f"Expected --{missing}." in capsys.readouterr().err


def write_records(directory, images):
    """Writes one validation shard of image records and its manifest."""
    record_schema = schema.image_schema(images.shape[1:], ("no", "yes"))
    name = schema.shard_name("image", "validation", 0, 1)
    path = directory / name
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index, image in enumerate(images):
            writer.write(record_schema.serialize(str(index), 0, image))
    shard = schema.Shard(
        name, len(images), path.stat().st_size, hashes.sha256_of_file(path)
    )
    manifest = schema.Manifest(
        record_schema, fingerprint({}), {}, {}, {"validation": [shard]}
    )
    (directory / schema.MANIFEST).write_text(manifest.dumps())


def test_a_record_gives_maps(tmp_path, capsys):
    images = np.random.default_rng(0).random((3, 9, 8, 1), "float32")
    records = tmp_path / "records"
    records.mkdir()
    write_records(records, images)
    image = filters_and_maps.read_record(records, "validation", 2)
    np.testing.assert_array_equal(image, images[2].repeat(3, -1))
    flags = [f"--image_records={records}", "--index=2"]
    code, figures = run(tmp_path, *flags, "--upsample=2")
    assert (code, len(figures)) == (0, 2)
    assert run(tmp_path, *flags)[0] == 1
    assert "--upsample=2 or larger" in capsys.readouterr().err
    assert run(tmp_path, f"--image_records={records}", "--index=3")[0] == 1
    assert "in [0, 2]. Received: 3" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_file_that_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"Expected an image.*image\.png"):
        filters_and_maps.read_image(path)
