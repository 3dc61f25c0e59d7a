"""Which images are taken, that they are whole, and decoded once."""

import shutil

import numpy as np
import pytest

from trainers.im2vec import image_store
from trainers.im2vec.config import Im2VecConfig


def prepare(directory, where, **settings):
    config = Im2VecConfig(dataset=str(directory), **settings)
    return image_store.prepare_images(config, where)


def labels_in(split):
    """The fixture writes an image's label into its first byte."""
    return split.pixels[:, 0]


def test_classes_are_chosen_by_label_wherever_an_image_is(make_tfds, tmp_path):
    images = prepare(make_tfds(), tmp_path / "i", classes="dog, bee")
    assert images.class_names == ("bee", "dog")
    for split, count in ((images.train, 12), (images.test, 4)):
        assert len(split.labels) == count
        np.testing.assert_array_equal(
            np.array([1, 3])[split.labels], labels_in(split)
        )


def test_superclass_takes_its_classes_and_no_other(make_tfds, tmp_path):
    images = prepare(make_tfds(), tmp_path / "i", superclass="mammal")
    assert images.class_names == ("cow", "dog")
    np.testing.assert_array_equal(
        images.train.labels + 2, labels_in(images.train)
    )


def test_all_images_come_in_the_records_order(make_tfds, draw_image, tmp_path):
    images = prepare(
        make_tfds(counts={"train": 600, "test": 8}), tmp_path / "i"
    )
    assert images.shape == (4, 5, 3)
    assert isinstance(images.train.pixels, np.memmap)
    assert images.train.pixels.dtype == np.uint8
    expected = [draw_image(n % 4, n).ravel() for n in range(600)]
    np.testing.assert_array_equal(images.train.pixels, expected)
    np.testing.assert_array_equal(images.train.labels, np.arange(600) % 4)


def test_the_same_dataset_is_decoded_once(make_tfds, tmp_path):
    directory = make_tfds()
    first = prepare(directory, tmp_path / "i")
    pixels = tmp_path / "i/test.pixels"
    written = pixels.stat().st_mtime_ns
    second = prepare(directory, tmp_path / "i")
    assert pixels.stat().st_mtime_ns == written
    assert second.fingerprint == first.fingerprint


def test_other_images_under_the_same_name_are_not_taken_for_the_old(
    make_tfds, tmp_path
):
    directory = make_tfds()
    prepare(directory, tmp_path / "i")
    shutil.rmtree(directory)
    again = make_tfds(counts={"train": 16, "test": 8})
    assert again == directory
    assert len(prepare(directory, tmp_path / "i").train.labels) == 16


def test_cut_cache_is_refused(make_tfds, tmp_path):
    directory = make_tfds()
    prepare(directory, tmp_path / "i")
    path = tmp_path / "i" / "train.pixels"
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "i" / "files.json").unlink()  # as in earlier versions
    with pytest.raises(ValueError, match="must be 1440 bytes"):
        prepare(directory, tmp_path / "i")


@pytest.mark.parametrize(
    "name", ["train.pixels", "test.labels", "images.json", "files.json"]
)
def test_damaged_images_are_decoded_again(make_tfds, tmp_path, name, caplog):
    directory = make_tfds()
    prepare(directory, tmp_path / "i")
    path = tmp_path / "i" / name
    content = path.read_bytes()
    place = len(content) // 2
    path.write_bytes(
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    )
    prepare(directory, tmp_path / "i")
    assert path.read_bytes() == content
    assert f"{name}" in caplog.text  # named in a warning


def test_image_records_of_many_classes_are_taken(make_image_records, tmp_path):
    names = tuple(f"c{index}" for index in range(6))
    directory = make_image_records(
        num_train=30, num_validation=12, label_names=names
    )
    images = prepare(directory, tmp_path / "i", classes="c1,c4,c5")
    assert images.class_names == ("c1", "c4", "c5")
    assert images.train.pixels.dtype == np.float32
    assert images.shape == (12, 12, 1)
    np.testing.assert_array_equal(images.train.labels, [0, 1, 2] * 5)
    # The fixture lifts the band of rows that belongs to the label.
    bands = images.test.pixels.reshape(-1, 6, 24).mean(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(
        np.array([1, 4, 5])[images.test.labels], bands
    )


def test_statistics_are_numpys(make_tfds, tmp_path):
    images = prepare(make_tfds(), tmp_path / "i")
    values = np.asarray(images.train.pixels) / 255
    measured = image_store.measure(images)
    for label in range(4):
        np.testing.assert_allclose(
            measured.class_means[label],
            values[images.train.labels == label].mean(axis=0),
        )
    channels = values.reshape(-1, 3)
    np.testing.assert_allclose(measured.channel_mean, channels.mean(axis=0))
    np.testing.assert_allclose(measured.channel_std, channels.std(axis=0))


@pytest.mark.parametrize(
    ("made", "settings", "message"),
    [
        ({}, {"classes": "ant,bea"}, r"'bea'. Did you mean bee.*ant, bee, cow"),
        ({}, {"classes": "ant"}, r"two classes or more.*Received: ant\."),
        ({}, {"superclass": "fish"}, r"insect, mammal. Received: 'fish'"),
        ({}, {"image_key": "photo"}, "no 'photo' among.*--image_key"),
        ({}, {"label_key": "image"}, "`image` must be a TFDS ClassLabel"),
        (
            {"shape": (None, None, 3), "size_of": lambda n: (4, 5 + (n == 7))},
            {},
            r"one size.*\(4, 5, 3\). Received: \(4, 6, 3\), image 7 of train",
        ),
        ({"names": ("ant",)}, {}, "two classes or more"),
        ({"counts": {"train": 8}}, {}, "train and test.*Received: train"),
        ({"counts": {"train": 8, "test": 2}}, {}, "no images of cow, dog"),
    ],
)
def test_bad_images_are_refused_with_what_was_expected(
    make_tfds, tmp_path, made, settings, message
):
    with pytest.raises(ValueError, match=message):
        prepare(make_tfds(**made), tmp_path / "i", **settings)


def test_unknown_and_unprepared_datasets_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: 'no_such_set'"):
        prepare("no_such_set", tmp_path / "i")
    with pytest.raises(FileNotFoundError, match="--data_dir"):
        prepare("cifar10", tmp_path / "i", data_dir=str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"Found dataset_info\.json in: no"):
        prepare(tmp_path / "empty", tmp_path / "i")


def test_records_with_values_that_are_not_finite_are_refused(
    make_image_records, tmp_path
):
    def spoil(split, index, image):
        if (split, index) == ("train", 5):
            image[0, 0] = np.nan

    with pytest.raises(ValueError, match="not finite"):
        prepare(make_image_records(spoil=spoil), tmp_path / "i")


@pytest.mark.slow
def test_real_cifar100_people_are_five_classes_of_285(shared_data, tmp_path):
    images = prepare(
        shared_data / "tfds" / "cifar100_jpeg_subset",
        tmp_path / "i",
        superclass="people",
    )
    assert images.class_names == ("baby", "boy", "girl", "man", "woman")
    np.testing.assert_array_equal(np.bincount(images.train.labels), [285] * 5)
    assert images.shape == (32, 32, 3)
