"""What an encoder cannot do is refused by its config, before it is loaded."""

import pathlib
import shutil
import threading

import numpy as np
import pytest

from text2image.bert import openvino_engine
from text2image.bert.encoder import Encoder
from text2image.corpora.examples import Corpus
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MultimodalConfig
from tfrecords.stages import (
    encoded_records,
    multimodal,
    record_sets,
    stacks,
)
from tfrecords.stages.tokens_ahead import tokenize_ahead


@pytest.fixture
def unloadable(tiny_bert, tmp_path):
    """A BERT of 8 layers and 64 positions, without its weights."""
    shutil.copytree(tiny_bert, tmp_path / "bert")
    (tmp_path / "bert/model.safetensors").unlink()
    return str(tmp_path / "bert")


@pytest.mark.parametrize(
    ("flags", "cure"),
    [
        ({"max_tokens": 64, "layers": "last9"}, "--layers=all"),
        ({"max_tokens": 65}, "--max_tokens=64"),
        (
            {"max_tokens": 64, "layers": "last2", "channels": "layers"},
            "--channels=grey",
        ),
    ],
)
def test_stacks_that_the_encoder_lacks(unloadable, tmp_path, flags, cure):
    settings = RecordsConfig(
        encoder=unloadable, records_dir=str(tmp_path / "records"), **flags
    )
    with pytest.raises(ValueError, match=cure):
        stacks.prepare_cls(settings)
    assert not pathlib.Path(settings.records_dir).exists()


def test_text_layers_that_the_encoder_lacks(unloadable, tmp_path):
    file = tmp_path / "goods.csv"
    file.write_text("image,label\na.jpg,a\nb.jpg,b\n")
    settings = RecordsConfig(
        dataset=str(file), encoder=unloadable, max_tokens=64
    )
    with pytest.raises(ValueError, match="--layers=all"):
        multimodal.prepare_multimodal(
            settings, MultimodalConfig(text_layers="last9")
        )


def located(tiny_bert, **typed):
    settings = encoded_records.resolve(
        RecordsConfig(encoder=tiny_bert, **typed)
    )
    chosen = record_sets.pick(settings, stacks.SETTINGS)
    corpus = Corpus("corpus", {}, None, "0" * 64)
    return encoded_records.locate(settings, "cls", corpus, chosen)


def test_typed_or_resolved_the_records_are_the_same(tiny_bert):
    by_device = located(tiny_bert)
    typed = located(
        tiny_bert,
        encoder_engine="tensorflow",
        encoder_dtype="float32",
        tokens_per_batch=512,
    )
    assert by_device == typed
    assert by_device.provenance["tokens_per_batch"] == 512
    added = {"encoder_engine", "encoder_dtype", "encoder_device"}
    assert not added & set(by_device.provenance)


@pytest.mark.parametrize(
    "typed",
    [
        {"encoder_engine": "openvino"},
        {"encoder_dtype": "bfloat16"},
        {"tokens_per_batch": 1024},
        {"encoder_engine": "openvino", "encoder_dtype": "bfloat16"},
    ],
)
def test_what_may_change_bytes_changes_the_directory(tiny_bert, typed):
    if not openvino_engine.is_installed():
        pytest.skip("needs the extra fast-cpu")
    other = located(tiny_bert, **typed)
    assert other.directory != located(tiny_bert).directory
    assert typed.items() <= other.provenance.items()


def test_the_next_shard_is_read_while_the_caller_has_one(tiny_bert):
    bert = Encoder(tiny_bert, layers="0-0", max_tokens=8)
    is_read = threading.Event()

    def shards():
        yield "train", 0, ["a film"]
        is_read.set()
        yield "train", 1, ["b", "c d"]

    dealt = tokenize_ahead(bert, shards(), lambda text: [text])
    assert next(dealt)[:3] == ("train", 0, ["a film"])
    assert is_read.wait(timeout=30)
    ((*shard, tokens),) = dealt
    assert shard == ["train", 1, ["b", "c d"]]
    np.testing.assert_array_equal(tokens.ids, bert.tokenize(["b", "c d"]).ids)


def test_a_text_that_cannot_be_read_is_refused_in_its_turn(tiny_bert):
    bert = Encoder(tiny_bert, layers="0-0", max_tokens=8)

    def shards():
        yield "train", 0, ["a film"]
        raise ValueError("row 2")

    dealt = tokenize_ahead(bert, shards(), lambda text: [text])
    assert next(dealt)[1] == 0
    with pytest.raises(ValueError, match="row 2"):
        next(dealt)
