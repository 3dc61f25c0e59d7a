"""Pictures of filters and feature maps."""

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from text2image import hashes
from tfrecords import schema
from trainers import backbones
from trainers.weights import load, show


def build(name):
    backbone = backbones.get_backbone(name)
    slice_ = backbones.build_slice(backbone)
    load.load_weights(slice_, backbone, "random")
    return slice_, backbone


def test_filters_are_drawn_in_rgb_around_grey():
    slice_, backbone = build("vgg16")
    kernel = np.zeros((3, 3, 3, 64), "float32")
    kernel[0, 1, 0, 5] = -2.0  # the first channel of BGR: blue
    slice_.get_layer("block1_conv1").kernel.assign(kernel)
    filters = show.first_filters(slice_, backbone)
    assert filters.shape == (64, 3, 3, 3)
    np.testing.assert_array_equal(filters[5, 0, 1], [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(filters[4], np.full((3, 3, 3), 0.5))


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (2, 3)), (4, (5, 7)), (5, (5, 11))]
)
def test_tiles_keep_every_picture(count, shape):
    pictures = np.arange(count * 6.0).reshape(count, 2, 3)
    grid = show.tile(pictures)
    assert grid.shape == shape
    np.testing.assert_array_equal(
        np.sort(grid[~np.isnan(grid)]), np.arange(count * 6)
    )
    np.testing.assert_array_equal(grid[:2, :3], pictures[0])


def run(tmp_path, *flags):
    out = tmp_path / "out"
    show.main(
        ["--backbone=alexnet", "--weights=random", f"--out={out}", *flags]
    )
    return sorted(path.name for path in out.iterdir())


def test_without_an_image_the_filters_are_drawn(tmp_path):
    assert run(tmp_path) == ["filters.png"]
    picture = matplotlib.image.imread(tmp_path / "out" / "filters.png")
    assert picture.std() > 0.1


def test_a_picture_file_gives_maps(tmp_path):
    path = tmp_path / "image.png"
    pixels = np.random.default_rng(0).random((40, 30, 3))
    matplotlib.image.imsave(path, pixels)
    np.testing.assert_allclose(show.read_image(path), pixels, atol=1 / 255)
    assert run(tmp_path, f"--image={path}") == ["filters.png", "maps.png"]


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
        record_schema, "f", {}, {}, {"validation": [shard]}
    )
    (directory / schema.MANIFEST).write_text(manifest.dumps())


def test_a_review_of_the_records_gives_maps(tmp_path):
    images = np.random.default_rng(0).random((3, 9, 8, 1), "float32")
    records = tmp_path / "records"
    records.mkdir()
    write_records(records, images)
    image = show.read_record(records, "validation", 2)
    np.testing.assert_array_equal(image, images[2].repeat(3, -1))
    flags = [f"--image_records={records}", "--index=2"]
    assert len(run(tmp_path, *flags, "--upsample=2")) == 2
    with pytest.raises(SystemExit, match="--upsample=2 or larger"):
        run(tmp_path, *flags)
    with pytest.raises(SystemExit, match=r"in \[0, 2\]. Received: 3"):
        run(tmp_path, f"--image_records={records}", "--index=3")
