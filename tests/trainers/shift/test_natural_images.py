"""Natural images from folders: drawn, cut, resized."""

import shutil

import keras
import numpy as np
import pytest

from trainers.shift import natural_images


@pytest.fixture
def folder(tmp_path):
    """Six images of one colour each, wider than high, in two folders."""
    for index in range(6):
        image = np.full((8, 12, 3), 40 * index, np.uint8)
        path = tmp_path / "images" / f"class{index % 2}" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(path, image, scale=False)
    return tmp_path / "images"


def colours(images):
    return [
        round(float(image.mean()) * 255 / 40)
        for batch in images.batches(4, 5, 4)
        for image in batch
    ]


def test_images_are_drawn_once_each_by_the_seed(folder):
    images = natural_images.read_sample(str(folder), 6, 0)
    assert sorted(colours(images)) == list(range(6))
    again = natural_images.read_sample(str(folder), 6, 0)
    assert again.sha256 == images.sha256
    assert colours(again) == colours(images)
    other = natural_images.read_sample(str(folder), 6, 1)
    assert colours(other) != colours(images)


def test_batches_have_the_asked_size_and_range(folder):
    images = natural_images.read_sample(str(folder), 5, 0)
    batches = list(images.batches(4, 5, 2))
    assert [batch.shape for batch in batches] == [
        *((2, 4, 5, 3), (2, 4, 5, 3), (1, 4, 5, 3))
    ]
    assert batches[0].dtype == np.float32
    assert min(b.min() for b in batches) >= 0
    assert max(b.max() for b in batches) <= 1
    assert colours(images[2:4]) == colours(images)[2:4]


def test_the_middle_is_cut_out_and_not_squeezed(tmp_path):
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, 4:12] = 200
    keras.utils.save_img(tmp_path / "0.png", image, scale=False)
    images = natural_images.read_sample(str(tmp_path), 1, 0)
    (batch,) = images.batches(8, 8, 1)
    np.testing.assert_allclose(batch, 200 / 255, atol=1e-6)


def test_too_few_images_are_refused_with_a_cure(folder):
    # Of six, no sample is half: the least is four.
    with pytest.raises(ValueError, match=r"with 6. Name another source"):
        natural_images.read_sample(str(folder), 8, 0)
    for index in range(6, 9):
        shutil.copy(folder / "class0/0.png", folder / f"class0/{index}.png")
    with pytest.raises(ValueError, match=r"with 9. Use --sample=4 or name"):
        natural_images.read_sample(str(folder), 10, 0)


def test_what_is_no_image_is_named(folder):
    (folder / "class0" / "0.png").write_bytes(b"not an image")
    images = natural_images.read_sample(str(folder), 6, 0)
    with pytest.raises(ValueError, match=r"Received: .*0\.png, which is none"):
        list(images.batches(4, 4, 6))


def test_a_dataset_that_does_not_exist_is_refused_by_its_flag(tmp_path):
    with pytest.raises(ValueError, match=r"--images must be .*'cifar11'"):
        natural_images.read_sample("cifar11", 4, 0, data_dir=str(tmp_path))


@pytest.mark.slow
def test_tfds_images_are_drawn_from_the_test_split(shared_data):
    source = shared_data / "tfds/cifar10_jpeg"
    images = natural_images.read_sample(str(source), 3, 0)
    assert images.name == "cifar10_jpeg, test"
    (batch,) = images.batches(32, 32, 3)
    assert batch.shape == (3, 32, 32, 3)
    assert batch.std() > 0.1
