"""Parts of TFDS datasets as slices of splits: exact, or refused early."""

import dataclasses
import socket

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.text2image.corpora.test_tfds_datasets import make_tfds, written
from text2image.corpora import captioned_images, split, texts, tfds_builders
from text2image.corpora.rows import Reading


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Ten train texts, of which 1 and 9 are equal, and other splits."""
    features = {
        "text": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names=["neg", "pos"]),
    }
    return written(
        tmp_path_factory.mktemp("tfds"),
        "sliced",
        features,
        {
            name: [
                {"text": f"{name} {1 if i == 9 else i}", "label": i % 2}
                for i in range(count)
            ]
            for name, count in (("train", 10), ("test", 4), ("extra", 4))
        },
    )


def opened(directory, **reading):
    return texts.open_corpus(str(directory), reading=Reading(**reading))


def ids(corpus):
    return {
        part: [example.id for example in read()]
        for part, read in corpus.parts.items()
    }


def numbered(name, numbers):
    return [f"{name}-{number:07d}" for number in numbers]


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        (
            "train[:80%]",
            "train[80%:]",
            {
                "train": numbered("train", range(8)),
                "validation": numbered("train", range(8, 10)),
                "test": numbered("test", range(4)),
            },
        ),
        (
            "train[:3]+extra[-1:]",
            "",
            {
                "train": numbered("train", range(3)) + numbered("extra", [3]),
                "test": numbered("test", range(4)),
            },
        ),
        (
            "train + test[2:]",
            "extra",
            {
                "train": numbered("train", range(10))
                + numbered("test", [2, 3]),
                "validation": numbered("extra", range(4)),
            },
        ),
        (
            "",
            "test[:50%]",
            {
                "train": numbered("train", range(10)),
                "validation": numbered("test", range(2)),
            },
        ),
    ],
)
def test_parts_are_slices_numbered_as_in_their_split(
    directory, train, validation, expected
):
    corpus = opened(directory, train_split=train, validation_split=validation)
    assert ids(corpus) == expected


def test_slices_have_the_texts_that_tfds_reads(directory):
    builder = tfds.builder_from_directory(directory)
    for notation in ("train[13%:57%]", "train[-4:-1]", "extra+train[:1]"):
        expected = [
            row["text"].decode()
            for row in tfds.as_numpy(builder.as_dataset(split=notation))
        ]
        read = opened(directory, train_split=notation).parts["train"]
        assert [example.text for example in read()] == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"train_split": "trian[:80%]"},
            r"--train_split must be.*no split 'trian'.*extra \(4.*train \(10",
        ),
        ({"train_split": "train[:80"}, "Received: train.:80 .*format"),
        ({"validation_split": "train[0.5]"}, "--validation_split must be"),
        ({"train_split": "train[:90]"}, "incompatible with 10 examples"),
        ({"train_split": "train+"}, "no split ''"),
        ({"train_split": "train[:0%]"}, "must take examples.*none.*train.0:0"),
        ({"train_split": "train[8:3]"}, "--train_split"),
        (
            {"validation_split": "train[80%:]"},
            "leaves no split for training.*--train_split='train",
        ),
    ],
)
def test_other_notation_is_refused_with_the_splits_there_are(
    directory, flags, message
):
    with pytest.raises(ValueError, match=message):
        opened(directory, **flags)


def test_splits_that_say_no_part_are_named_with_the_flags(tmp_path):
    features = {"text": tfds.features.Text(), "label": tfds.features.Text()}
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    path = written(tmp_path, "whole", features, {"full": rows})
    with pytest.raises(ValueError, match=r"--train_split='full\[:80%\]'"):
        opened(path)


def test_flags_of_files_are_refused(directory):
    with pytest.raises(ValueError, match="--delimiter has no use"):
        opened(directory, delimiter="tab")


def test_equal_texts_of_two_slices_stay_on_one_side(directory):
    corpus = opened(
        directory, train_split="train[:80%]", validation_split="train[6:]"
    )
    parts = split.split_corpus(corpus, protocol="official")
    train, validation, _ = (
        [example.text for example in read()] for read in corpus.parts.values()
    )
    side = parts.side.tolist()
    assert side[8:12] == [split.VALIDATION] * 4
    assert side[:8] == [
        split.UNUSED if text in validation else split.TRAIN for text in train
    ]
    num_shared = len(set(train) & set(validation))
    assert parts.audit["repeats"]["across_parts"] == num_shared > 0
    # And the test part, which --split=official does not read here.
    assert parts.audit["left_out"] == side[:8].count(split.UNUSED) + 4


def test_copies_of_a_text_in_slices_without_overlap_stay_on_one_side(directory):
    whole = [example.text for example in opened(directory).parts["train"]()]
    first, second = (n for n, text in enumerate(whole) if text == "train 1")
    corpus = opened(
        directory,
        train_split=f"train[:{second}]",
        validation_split=f"train[{second}:]+test",
    )
    parts = split.split_corpus(corpus, protocol="official")
    assert parts.side[first] == split.UNUSED
    assert parts.side[second] == split.VALIDATION
    assert parts.audit["repeats"]["across_parts"] == 1
    assert parts.audit["left_out"] == 1


def test_the_hash_covers_the_splits_that_are_read(directory):
    whole = opened(directory).sha256
    assert opened(directory, train_split="train[:5]").sha256 == whole
    assert opened(directory, train_split="extra").sha256 != whole


def test_files_have_no_slices(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\ngood,pos\nbad,neg\n")
    for dataset in ("demo", str(path), str(tmp_path)):
        with pytest.raises(ValueError, match="--train_split=train takes exam"):
            opened(dataset, train_split="train")


def test_captions_of_tfds_may_be_numbers_and_faulty_ones_are_faults(tmp_path):
    features = {
        "image": tfds.features.Image(shape=(2, 2, 3)),
        "title": tfds.features.Text(),
        "year": tfds.features.Scalar(np.int64),
        "label": tfds.features.ClassLabel(names=["a", "b"]),
    }
    image = np.zeros((2, 2, 3), np.uint8)
    rows = [
        {"image": image, "title": title, "year": 1999, "label": 0}
        for title in (b"good", b"\xff")
    ]
    path = written(tmp_path, "captions", features, {"train": rows})
    keys = captioned_images.Keys(description="year")
    corpus = captioned_images.open_captioned_images(str(path), keys=keys)
    good, bad = corpus.parts["train"]()
    assert good.text == "good\n1999"
    assert "example 1: expected UTF-8" in bad.message


def test_captioned_images_are_sliced_too(tmp_path):
    directory = written(
        tmp_path,
        "goods",
        {
            "image": tfds.features.Image(shape=(2, 2, 3)),
            "title": tfds.features.Text(),
            "description": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["a", "b"]),
        },
        {
            "train": [
                {
                    "image": np.full((2, 2, 3), i, np.uint8),
                    "title": f"title {i}",
                    "description": "d",
                    "label": i % 2,
                }
                for i in range(6)
            ]
        },
    )
    keys = dataclasses.replace(
        captioned_images.Keys(),
        reading=Reading(train_split="train[:4]", validation_split="train[4:]"),
    )
    corpus = captioned_images.open_captioned_images(str(directory), keys=keys)
    assert ids(corpus) == {
        "train": numbered("train", range(4)),
        "validation": numbered("train", [4, 5]),
    }
    whole = captioned_images.open_captioned_images(str(directory))
    titles = [
        [sample.title for sample in part()]
        for part in (whole.parts["train"], *corpus.parts.values())
    ]
    assert titles[0] == titles[1] + titles[2]
    images = [sample.read_image() for sample in corpus.parts["validation"]()]
    assert (
        images == [sample.read_image() for sample in whole.parts["train"]()][4:]
    )


@pytest.fixture
def no_network(monkeypatch):
    """Refuses every connection and name; returns those that were tried."""
    tried = []

    def refuse(*address, **_):
        tried.append(address)
        raise OSError("no network")

    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tried


def test_download_without_a_network_says_so(tmp_path, no_network):
    message = "imdb_reviews is not prepared.*--download cannot reach.*--data_d"
    with pytest.raises(ConnectionError, match=message):
        texts.open_corpus("imdb_reviews", data_dir=str(tmp_path), download=True)
    assert no_network


def test_download_of_a_prepared_dataset_needs_no_network(tmp_path, no_network):
    place = make_tfds(tmp_path, [("good", 1), ("bad", 0)])
    target = tmp_path / "data" / "imdb_reviews" / "plain_text"
    target.mkdir(parents=True)
    place.rename(target / "1.0.0")
    builder = tfds_builders.open_builder(
        "imdb_reviews", str(tmp_path / "data"), download=True
    )
    assert list(builder.info.splits) == ["train"]
    assert no_network == []
