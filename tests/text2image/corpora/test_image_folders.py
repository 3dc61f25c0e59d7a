"""A folder of images per class is read as torchvision and Keras read it."""

import json
import logging

import keras
import pytest

from tests.support.multimodal_corpora import jpeg
from text2image.corpora.captioned_images import (
    Keys,
    open_captioned_images,
    read_file,
)


def write(root, *names):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(number))
    return root


def read(root, part="train", **options):
    source = open_captioned_images(str(root), **options)
    return [(item.id, item.label) for item in source.parts[part]()]


def test_images_and_classes_are_those_of_keras(tmp_path):
    names = ("b/2.jpg", "b/10.JPG", "a/x/deep.png", "a/1.jpeg", "c/é.gif")
    root = write(tmp_path / "data", *names)
    write(tmp_path / "data", "a/notes.txt", "a/.hidden.jpg", ".git/x/1.jpg")
    labels, paths = [], []
    dataset = keras.utils.image_dataset_from_directory(
        root, shuffle=False, batch_size=None, image_size=(4, 4), verbose=False
    )
    for path, label in zip(dataset.file_paths, dataset, strict=True):
        paths.append(path.removeprefix(f"{root}/"))
        labels.append(dataset.class_names[int(label[1])])
    hidden = [path for path in paths if "/." in path]
    expected = set(zip(paths, labels, strict=True)) - {
        (path, "a") for path in hidden
    }
    assert set(read(root)) == expected
    assert len(read(root)) == len(names)
    assert read(root) == sorted(read(root))
    source = open_captioned_images(str(root))
    assert list(source.label_names) == dataset.class_names
    sample = next(iter(source.parts["train"]()))
    assert (sample.title, sample.description) == ("", "")
    assert sample.read_image() == jpeg(3)
    assert sample.place == str(root / "a/1.jpeg")


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("val", "validation"),
        ("Valid", "validation"),
        ("dev", "validation"),
        ("validation", "validation"),
        ("test", "test"),
        ("eval", "test"),
    ],
)
def test_folders_of_parts_become_parts(tmp_path, folder, part):
    root = write(
        tmp_path, "train/a/1.jpg", "train/b/1.jpg", f"{folder}/a/2.jpg"
    )
    source = open_captioned_images(str(root))
    assert list(source.parts) == ["train", part]
    assert read(root) == [("train/a/1.jpg", "a"), ("train/b/1.jpg", "b")]
    assert read(root, part) == [(f"{folder}/a/2.jpg", "a")]


def test_a_class_may_be_called_train(tmp_path):
    root = write(tmp_path, "train/1.jpg", "plane/1.jpg")
    assert read(root) == [("plane/1.jpg", "plane"), ("train/1.jpg", "train")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train/a/1.jpg", "train/b/1.jpg", "cat/1.jpg"), "all parts"),
        (("val/a/1.jpg", "dev/a/1.jpg", "train/a/1.jpg"), "each once"),
        (("a/1.jpg",), "at least two classes. Received: \\['a'\\]"),
    ],
)
def test_a_layout_that_is_ambiguous_is_refused(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        open_captioned_images(str(write(tmp_path, *names)))


def test_what_is_passed_over_is_said(tmp_path, caplog):
    root = write(tmp_path, "a/1.jpg", "b/1.jpg", "a/read.me", "loose.jpg")
    (root / "empty").mkdir()
    with caplog.at_level(logging.INFO, "absl"):
        open_captioned_images(str(root))
    (message,) = caplog.messages
    assert "2 classes, images: train 2; 2 other files" in message
    assert "without images: empty" in message


def test_the_hash_is_of_names_and_contents_of_what_is_read(tmp_path):
    def sha256(root):
        return open_captioned_images(str(root)).sha256

    first = write(tmp_path / "one", "a/1.jpg", "b/1.jpg")
    same = write(tmp_path / "two", "a/1.jpg", "b/1.jpg")
    expected = sha256(first)
    (same / "a/.DS_Store").write_bytes(b"x")
    assert sha256(same) == expected
    (same / "a/1.jpg").rename(same / "a/2.jpg")
    assert sha256(same) != expected
    write(first, "a/0.jpg")
    assert sha256(first) != expected


def test_a_link_to_its_own_folder_ends(tmp_path):
    root = write(tmp_path, "a/1.jpg", "b/1.jpg")
    (root / "a/loop").symlink_to(root / "a")
    assert len(read(root)) == 2


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_hugging_faces_metadata_has_texts_and_labels(tmp_path, suffix):
    root = write(tmp_path, "train/1.jpg", "train/sub/2.jpg")
    rows = [
        {"file_name": "1.jpg", "label": "a", "text": "red"},
        {"file_name": "sub/2.jpg", "label": "b", "text": ""},
    ]
    if suffix == "csv":
        lines = ["file_name,label,text", *(",".join(r.values()) for r in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    (root / f"train/metadata.{suffix}").write_text("\n".join(lines) + "\n")
    source = open_captioned_images(str(root), keys=Keys(title="text"))
    first, second = source.parts["train"]()
    assert (first.id, first.label, first.title) == ("train/1.jpg", "a", "red")
    assert (second.id, second.label, second.title) == (
        *("train/sub/2.jpg", "b", ""),
    )
    assert second.read_image() == jpeg(1)


def test_metadata_without_labels_takes_them_from_the_folders(tmp_path):
    root = write(tmp_path, "a/1.jpg", "b/1.jpg")
    path = root / "metadata.csv"
    path.write_text("file_name\na/1.jpg\nb/1.jpg\n")
    assert read(root) == [("a/1.jpg", "a"), ("b/1.jpg", "b")]
    path.write_text("file_name\n1.jpg\n")
    with pytest.raises(ValueError, match=r"line 2.*in no folder.*--label_key"):
        read(root)


def predicted(root, **options):
    return [
        (item.id, item.label, item.title)
        for item in read_file(root, Keys(), **options)
    ]


def test_a_directory_is_labelled_with_or_without_folders(tmp_path):
    root = write(tmp_path / "flat", "2.jpg", "1.jpg", "notes.txt", "x/3.jpg")
    assert predicted(root, labelled=False) == [
        *(("1.jpg", "?", ""), ("2.jpg", "?", ""), ("x/3.jpg", "?", "")),
    ]
    root = write(tmp_path / "one", "a/1.jpg")  # a claim needs no second class
    assert predicted(root) == [("a/1.jpg", "a", "")]
    (root / "metadata.csv").write_text("file_name,title\na/1.jpg,red\n")
    assert predicted(root, labelled=False) == [("a/1.jpg", "?", "red")]
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="must hold images"):
        predicted(tmp_path / "none", labelled=False)
