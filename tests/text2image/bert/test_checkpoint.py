"""Checkpoints: both layouts, GELU by rule, refusals."""

import json
import pathlib
import shutil

import keras
import keras_hub
import numpy as np
import pytest

from text2image.bert import checkpoint


@pytest.fixture
def copied(tiny_bert, tmp_path):
    return pathlib.Path(shutil.copytree(tiny_bert, tmp_path / "bert"))


def change(path, **values):
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | values), "utf-8")


def activations(loaded):
    return {
        layer._feedforward_intermediate_dense.activation
        for layer in loaded.backbone.transformer_layers
    }


def test_a_hugging_face_directory_is_loaded(tiny_bert):
    loaded = checkpoint.load_checkpoint(tiny_bert)
    assert loaded.backbone.num_layers == 8
    assert loaded.backbone.hidden_dim == 16
    assert loaded.wordpiece.lowercase
    assert loaded.gelu == "exact"
    assert loaded.wordpiece.vocabulary[:3] == ["[PAD]", "[UNK]", "[CLS]"]
    assert len(loaded.wordpiece.vocabulary) == 180
    assert activations(loaded) == {keras.activations.gelu}
    assert {v.dtype for v in loaded.backbone.weights} == {"float32"}


def test_weights_are_float32_under_any_keras_policy(tiny_bert):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        loaded = checkpoint.load_checkpoint(tiny_bert)
    finally:
        keras.config.set_dtype_policy(policy)
    assert loaded.backbone.compute_dtype == "float32"


@pytest.mark.parametrize(
    ("activation", "gelu"),
    [
        ("gelu", "exact"),
        ("gelu_new", "tanh"),
        ("gelu_pytorch_tanh", "tanh"),
    ],
)
def test_gelu_follows_the_config(copied, activation, gelu):
    change(copied / "config.json", hidden_act=activation)
    loaded = checkpoint.load_checkpoint(str(copied))
    assert loaded.gelu == gelu
    assert (activations(loaded) == {keras.activations.gelu}) == (
        gelu == "exact"
    )


@pytest.mark.parametrize("lowercase", [True, False])
def test_case_follows_the_tokenizer_config(copied, lowercase):
    change(copied / "tokenizer_config.json", do_lower_case=lowercase)
    assert (
        checkpoint.load_checkpoint(str(copied)).wordpiece.lowercase == lowercase
    )


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(copied, file):
    (copied / file).unlink()
    with pytest.raises(FileNotFoundError, match=r"Missing: (config|all)"):
        checkpoint.load_checkpoint(str(copied))


def test_a_keras_hub_preset_keeps_its_tanh_form(tiny_bert, tmp_path):
    backbone = keras_hub.models.BertBackbone.from_preset(tiny_bert)
    backbone.save_to_preset(str(tmp_path))
    keras_hub.models.BertTokenizer.from_preset(tiny_bert).save_to_preset(
        str(tmp_path)
    )
    loaded = checkpoint.load_checkpoint(str(tmp_path))
    assert loaded.gelu == "tanh"
    assert keras.activations.gelu not in activations(loaded)
    assert len(loaded.wordpiece.vocabulary) == 180
    assert loaded.wordpiece.lowercase
    for one, other in zip(
        loaded.backbone.weights, backbone.weights, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_shipped_encoder_loads():
    loaded = checkpoint.load_checkpoint(checkpoint.locate(checkpoint.MINI))
    assert loaded.backbone.num_layers >= 1
    assert "[CLS]" in loaded.wordpiece.vocabulary


def test_locate_does_not_change_other_sources():
    assert checkpoint.locate("bert_base_en_uncased") == "bert_base_en_uncased"


def test_the_identity_does_not_depend_on_the_directory(tiny_bert, copied):
    assert checkpoint.identify(tiny_bert) == checkpoint.identify(str(copied))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: (d / "vocab.txt").write_text("x"),
        lambda d: (d / "vocab.txt").rename(d / "vocabulary.txt"),
        lambda d: (d / "more.json").write_text("{}"),
        lambda d: (d / "config.json").unlink(),
    ],
)
def test_the_identity_changes_with_any_file(copied, spoil):
    before = checkpoint.identify(str(copied))
    spoil(copied)
    assert checkpoint.identify(str(copied)) != before


def test_different_preset_names_have_different_identities():
    one, other = map(checkpoint.identify, ("bert_a", "bert_b"))
    assert one != other
