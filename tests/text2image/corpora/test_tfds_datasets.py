"""Labelled texts from TFDS: in order, or refused with the example."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from text2image.corpora import texts, tfds_datasets
from text2image.corpora.examples import usable
from text2image.corpora.rows import Reading


@pytest.fixture
def tfds_directory(tmp_path):
    """A TFDS dataset of four texts, written by TFDS itself."""
    return make_tfds(
        tmp_path,
        [("good", 1), ("bad", 0), ("NA", 1), ("null", 0)],
    )


def make_tfds(directory, rows):
    features = tfds.features.FeaturesDict(
        {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
        }
    )
    place = directory / "little" / "1.0.0"
    place.mkdir(parents=True)
    path = place / "little-train.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for text, label in rows:
            data = text if isinstance(text, bytes) else text.encode()
            example = tf.train.Example()
            example.features.feature["text"].bytes_list.value.append(data)
            example.features.feature["label"].int64_list.value.append(label)
            writer.write(example.SerializeToString())
    tfds.folder_dataset.write_metadata(
        data_dir=str(place),
        features=features,
        split_infos=[
            tfds.core.SplitInfo(
                name="train",
                shard_lengths=[len(rows)],
                num_bytes=path.stat().st_size,
                filename_template=tfds.core.ShardedFileTemplate(
                    data_dir=str(place),
                    dataset_name="little",
                    split="train",
                    filetype_suffix="tfrecord",
                ),
            )
        ],
    )
    metadata = json.loads((place / "dataset_info.json").read_text())
    metadata |= {"name": "little", "version": "1.0.0"}
    (place / "dataset_info.json").write_text(json.dumps(metadata))
    return place


def test_a_prepared_tfds_directory_is_read_in_order(tfds_directory):
    opened = texts.open_corpus(str(tfds_directory))
    assert opened.label_names == ("neg", "pos")
    examples = list(opened.parts["train"]())
    assert [(e.text, e.label) for e in examples] == [
        ("good", "pos"),
        ("bad", "neg"),
        ("NA", "pos"),
        ("null", "neg"),
    ]
    assert [e.id for e in examples] == [f"train-{i:07d}" for i in range(4)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((b"caf\xe9", 0), "example 1: expected UTF-8"),
        (("  ", 0), "1: the text is empty"),
        (("good", 7), "example 1: unknown label 7"),
    ],
)
def test_a_bad_tfds_example_is_named(tmp_path, row, message):
    opened = texts.open_corpus(str(make_tfds(tmp_path, [("fine", 1), row])))
    with pytest.raises(ValueError, match=f"train of little.*{message}"):
        [usable(item) for item in opened.parts["train"]()]


def test_minus_one_of_a_class_label_is_unlabelled(tmp_path):
    rows = [("fine", 1), ("open", -1)]
    opened = texts.open_corpus(str(make_tfds(tmp_path, rows)))
    labels = [example.label for example in opened.parts["train"]()]
    assert labels == ["pos", None]


def test_a_directory_above_a_single_tfds_dataset_is_enough(tfds_directory):
    above = texts.open_corpus(str(tfds_directory.parent))
    assert above.sha256 == texts.open_corpus(str(tfds_directory)).sha256


def test_a_directory_without_a_tfds_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a folder with train and test tables"):
        texts.open_corpus(str(tmp_path))


def test_unknown_tfds_keys_are_refused(tfds_directory):
    with pytest.raises(ValueError, match=r"no 'body' among.*--text_key"):
        texts.open_corpus(str(tfds_directory), reading=Reading(text_key="body"))


def written(directory, name, features, splits):
    """A dataset that TFDS itself writes; returns its directory."""
    features = tfds.features.FeaturesDict(features)
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=features,
        data_dir=directory,
        split_datasets={
            split: tf.data.Dataset.from_generator(
                lambda rows=rows: iter(rows),
                output_signature=features.get_tensor_spec(),
            )
            for split, rows in splits.items()
        },
    )
    return directory / name / "1.0.0"


def column(directory, **keys):
    opened = texts.open_corpus(str(directory), reading=Reading(**keys))
    return [
        (item.text, item.label) for item in map(usable, opened.parts["train"]())
    ]


def test_labels_are_classes_numbers_strings_or_truth_values(tmp_path):
    directory = written(
        tmp_path,
        "labels",
        {
            "text": tfds.features.Text(),
            "stars": tf.int32,
            "mood": tfds.features.Text(),
            "joy": tf.bool,
            "genre": tfds.features.ClassLabel(names=["a", "b"]),
        },
        {
            "train": [
                {"text": "x", "stars": 0, "mood": "m", "joy": True, "genre": 1},
                {
                    "text": "y",
                    "stars": 4,
                    "mood": "n",
                    "joy": False,
                    "genre": 0,
                },
            ]
        },
    )
    assert column(directory, label_key="stars") == [("x", "0"), ("y", "4")]
    assert column(directory, label_key="mood") == [("x", "m"), ("y", "n")]
    assert column(directory, label_key="joy") == [("x", "true"), ("y", "false")]
    assert column(directory, label_key="genre") == [("x", "b"), ("y", "a")]


def test_nested_features_are_reached_and_unusable_ones_refused(tmp_path):
    directory = written(
        tmp_path,
        "nested",
        {
            "review": {"body": tfds.features.Text(), "stars": tf.int64},
            "toxicity": tf.float32,
            "tags": tfds.features.Sequence(tf.string),
            "ids": tfds.features.Sequence(tf.int64),
            "image": tfds.features.Image(shape=(2, 2, 3)),
        },
        {
            "train": [
                {
                    "review": {"body": "x", "stars": 2},
                    "toxicity": 0.5,
                    "tags": ["a"],
                    "ids": [1, 2],
                    "image": np.zeros((2, 2, 3), np.uint8),
                }
            ]
        },
    )
    for separator in "./":
        keys = {
            "text_key": f"review{separator}body",
            "label_key": f"review{separator}stars",
        }
        assert column(directory, **keys) == [("x", "2")]
    for keys, message in [
        ({"label_key": "toxicity"}, "`toxicity` is a float, a target of regr"),
        ({"label_key": "tags"}, r"`tags` holds several values.*multi-label"),
        ({"label_key": "toxicity,tags"}, r"\(multi-label\) are not supported"),
        ({"label_key": "review"}, r"`review` has parts; name one.*body, stars"),
        ({"text_key": "ids"}, "`ids` is kept as ids.*`plain_text`"),
        ({"text_key": "toxicity"}, "`toxicity` is no text but .*float32"),
        ({"text_key": "review.stars"}, "`review.stars` is no text but"),
        ({"text_key": "image"}, "`image` is no text but Image"),
    ]:
        keys = {"text_key": "review/body", "label_key": "review/stars"} | keys
        with pytest.raises(ValueError, match=message):
            texts.open_corpus(str(directory), reading=Reading(**keys))


def test_an_unprepared_tfds_name_is_refused_with_the_cure(tmp_path):
    with pytest.raises(FileNotFoundError, match="--download"):
        texts.open_corpus("imdb_reviews", data_dir=str(tmp_path))


def test_an_unknown_tfds_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: 'no_such_reviews'"):
        texts.open_corpus("no_such_reviews", data_dir=str(tmp_path))


@pytest.mark.slow
def test_real_imdb_has_its_published_size(shared_data):
    opened = texts.open_corpus(
        "imdb_reviews", data_dir=str(shared_data / "tfds")
    )
    assert opened.label_names == ("neg", "pos")
    for part in ("train", "test"):
        labels = [example.label for example in opened.parts[part]()]
        assert (labels.count("neg"), labels.count("pos")) == (12500, 12500)


def test_a_truncated_shard_is_named(tfds_directory):
    (shard,) = tfds_directory.glob("*.tfrecord-*")
    shard.write_bytes(shard.read_bytes()[:-5])
    opened = texts.open_corpus(str(tfds_directory))
    with pytest.raises(ValueError, match=f"{shard.name} is truncated"):
        list(opened.parts["train"]())


def test_a_missing_shard_is_named(tfds_directory):
    (shard,) = tfds_directory.glob("*.tfrecord-*")
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=f"{shard.name} is missing"):
        texts.open_corpus(str(tfds_directory))


def test_damaged_metadata_is_named(tfds_directory):
    info = tfds_directory / "dataset_info.json"
    info.write_text(info.read_text()[:20])
    with pytest.raises(ValueError, match=r"dataset_info\.json.*is damaged"):
        texts.open_corpus(str(tfds_directory))


def test_missing_features_are_named(tfds_directory):
    (tfds_directory / "features.json").unlink()
    with pytest.raises(ValueError, match=r"expected features\.json"):
        texts.open_corpus(str(tfds_directory))


def test_several_prepared_datasets_are_listed(tmp_path):
    for name in ("a", "b"):
        make_tfds(tmp_path / name, [("good", 1)])
    with pytest.raises(ValueError, match=r"a/little/1\.0\.0, .*b/little/1"):
        texts.open_corpus(str(tmp_path))


def test_a_split_named_dev_is_the_validation_part(tmp_path):
    row = {"text": "x", "label": 0}
    directory = written(
        tmp_path,
        "splits",
        {"text": tfds.features.Text(), "label": tf.int64},
        {"dev": [row], "train": [row, row], "extra": [row]},
    )
    opened = texts.open_corpus(str(directory))
    assert list(opened.parts) == ["train", "validation"]
    (example,) = opened.parts["validation"]()
    assert example.id == "dev-0000000"
    source = tfds_datasets.open_rows(str(directory))
    assert source.guesses == (
        "validation: the split 'dev'",
        "left out: the splits extra",
    )


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("imdb_review", ValueError, "Did you mean imdb_reviews"),
        ("glue/sst3", ValueError, "no config 'sst3'.*mean glue/sst2"),
        ("stanfordnlp/imdb", ValueError, "hf download stanfordnlp/imdb"),
        ("huggingface:imdb", ValueError, "hf download imdb --repo-type"),
        ("./no/such", FileNotFoundError, "no such file or directory"),
    ],
)
def test_a_wrong_name_is_refused_with_the_cure(tmp_path, name, error, message):
    with pytest.raises(error, match=message):
        texts.open_corpus(name, data_dir=str(tmp_path))
