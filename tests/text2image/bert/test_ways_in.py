"""One encoder in every layout: the same stacks, or a refusal that helps."""

import json
import re
import shutil

import keras_hub
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from tests.support.backbones_pth_writer import write_state
from tests.support.numpy_bert import cls_stacks
from text2image.bert import checkpoint, pooling

IDS = np.array([[2, 17, 40, 99, 3], [2, 5, 179, 60, 3]], np.int32)
WEIGHTS = "model.safetensors"
QUERY = "encoder.layer.1.attention.self.query.weight"


def copy(tiny_bert, directory):
    """The golden encoder, cut to two of its layers: quick to build."""
    shutil.copytree(tiny_bert, directory)
    change(directory, num_hidden_layers=2)
    rewrite(
        directory,
        {
            name: array
            for name, array in tensors_of(directory).items()
            if not re.search(r"layer\.[2-9]", name)
        },
    )
    return directory


@pytest.fixture
def copied(tiny_bert, tmp_path):
    return copy(tiny_bert, tmp_path / "bert")


@pytest.fixture(scope="module")
def expected(tiny_bert, tmp_path_factory):
    return stacks(copy(tiny_bert, tmp_path_factory.mktemp("two") / "bert"))


def config_of(directory):
    return json.loads((directory / "config.json").read_text("utf-8"))


def change(directory, **values):
    config = {**config_of(directory), **values}
    config = {key: value for key, value in config.items() if value is not None}
    (directory / "config.json").write_text(json.dumps(config), "utf-8")


def tensors_of(directory):
    return safetensors.numpy.load_file(directory / WEIGHTS)


def rewrite(directory, tensors):
    arrays = {name: np.ascontiguousarray(a) for name, a in tensors.items()}
    safetensors.numpy.save_file(arrays, directory / WEIGHTS)


def stacks(directory):
    """The stacks of `IDS` as the encoder computes them, all layers."""
    backbone = checkpoint.load_checkpoint(str(directory)).backbone
    layers = list(range(backbone.num_layers))
    model = pooling.build_cls_model(backbone, layers)
    inputs = {
        "token_ids": IDS,
        "segment_ids": np.zeros_like(IDS),
        "padding_mask": np.ones_like(IDS),
    }
    return model(inputs, training=False).numpy()


def with_prefix(directory):
    tensors = {f"bert.{k}": v for k, v in tensors_of(directory).items()}
    tensors["cls.predictions.bias"] = np.zeros(180, np.float32)
    rewrite(directory, tensors)


def with_old_norms(directory):
    rewrite(
        directory,
        {
            name.replace("Norm.weight", "Norm.gamma").replace(
                "Norm.bias", "Norm.beta"
            ): array
            for name, array in tensors_of(directory).items()
        },
    )


def without_pooler(directory):
    tensors = tensors_of(directory)
    names = [name for name in tensors if "pooler" in name]
    assert names
    for name in names:
        del tensors[name]
    rewrite(directory, tensors)


def in_shards(directory):
    tensors = tensors_of(directory)
    (directory / WEIGHTS).unlink()
    weight_map = {}
    for number in (1, 2):
        file = f"model-0000{number}-of-00002.safetensors"
        part = dict(list(sorted(tensors.items()))[number - 1 :: 2])
        safetensors.numpy.save_file(part, directory / file)
        weight_map |= dict.fromkeys(part, file)
    (directory / f"{WEIGHTS}.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )


def as_torch(directory):
    tensors = tensors_of(directory)
    (directory / WEIGHTS).unlink()
    write_state(directory / "pytorch_model.bin", tensors, stream=False)


def as_google(directory):
    """Google's own layout: TF1 names and kernels, `bert_config.json`."""
    variables = {}
    for name, array in tensors_of(directory).items():
        google = name.replace("layer.", "layer_").replace(".", "/")
        google = google.replace("LayerNorm/weight", "LayerNorm/gamma")
        google = google.replace("LayerNorm/bias", "LayerNorm/beta")
        google = google.replace("embeddings/weight", "embeddings")
        if google.endswith("/weight"):
            google, array = google.replace("/weight", "/kernel"), array.T
        variables[f"bert/{google}"] = array
    variables["cls/predictions/output_bias"] = np.zeros(180, np.float32)
    for file in (WEIGHTS, "tokenizer_config.json"):
        (directory / file).unlink()
    config = config_of(directory)
    for key in ("model_type", "architectures", "layer_norm_eps"):
        del config[key]
    (directory / "config.json").unlink()
    (directory / "bert_config.json").write_text(json.dumps(config))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in variables.items():
            tf.compat.v1.get_variable(name, initializer=array)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(
            session, str(directory / "bert_model.ckpt"), write_state=False
        )


def as_sentence_encoder(directory):
    inner = directory / "0_Transformer"
    inner.mkdir()
    for path in list(directory.iterdir()):
        if path.is_file():
            path.rename(inner / path.name)
    kind = "sentence_transformers.models."
    modules = [
        {"path": "0_Transformer", "type": f"{kind}Transformer"},
        {"path": "1_Pooling", "type": f"{kind}Pooling"},
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir()
    (directory / "1_Pooling/config.json").write_text(
        json.dumps({"pooling_mode_mean_tokens": True})
    )


def as_cache(directory):
    snapshot = directory.parent / "moved"
    directory.rename(snapshot)
    target = directory.parent / "models--tiny--bert/snapshots/0a1b"
    target.parent.mkdir(parents=True)
    snapshot.rename(target)
    (target.parents[1] / "refs").mkdir()
    (target.parents[1] / "refs/main").write_text("0a1b")
    return target.parents[1]


def with_mark(directory):
    path = directory / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


LAYOUTS = (
    with_prefix,
    with_old_norms,
    without_pooler,
    in_shards,
    as_torch,
    as_google,
    as_sentence_encoder,
    as_cache,
    with_mark,
    lambda directory: change(directory, model_type=None),
    lambda directory: change(directory, model_type=None, architectures=None),
    lambda directory: change(directory, hidden_act="gelu_python"),
)


@pytest.mark.slow
@pytest.mark.parametrize("move", LAYOUTS)
def test_every_layout_gives_the_same_bytes(copied, expected, move):
    directory = move(copied) or copied
    np.testing.assert_array_equal(stacks(directory), expected)


def test_the_same_files_by_hugging_faces_name_give_the_same_bytes(
    copied, expected, monkeypatch
):
    cache = as_cache(copied).parent
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    assert checkpoint.locate("hf://tiny/bert").endswith("0a1b")
    np.testing.assert_array_equal(stacks("hf://tiny/bert"), expected)


def test_the_prefix_of_googles_files_names_them(copied, expected):
    as_google(copied)
    np.testing.assert_array_equal(stacks(f"{copied}/bert_model.ckpt"), expected)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_read_as_they_are(copied, dtype):
    tensors = {k: v.astype(dtype) for k, v in tensors_of(copied).items()}
    rewrite(copied, tensors)
    np.testing.assert_allclose(
        stacks(copied), cls_stacks(tensors, IDS, num_heads=4), atol=2e-5
    )


@pytest.mark.parametrize(
    ("changes", "reference"),
    [
        ({}, {}),
        ({"layer_norm_eps": 1e-2}, {"epsilon": 1e-2}),
        ({"hidden_act": "gelu_new"}, {"gelu": "tanh"}),
        ({"hidden_act": "gelu_fast"}, {"gelu": "tanh"}),
        ({"num_attention_heads": 2}, {"num_heads": 2}),
    ],
)
def test_the_config_decides(copied, changes, reference):
    change(copied, **changes)
    tensors = tensors_of(copied)
    if "num_attention_heads" not in changes:
        reference = {"num_heads": 4, **reference}
    np.testing.assert_allclose(
        stacks(copied), cls_stacks(tensors, IDS, **reference), atol=2e-5
    )


def test_one_kind_of_segment_is_enough(copied, expected):
    tensors = tensors_of(copied)
    name = "embeddings.token_type_embeddings.weight"
    tensors[name] = tensors[name][:1]
    rewrite(copied, tensors)
    change(copied, type_vocab_size=1)
    np.testing.assert_array_equal(stacks(copied), expected)


def test_distilbert_is_read(copied):
    """Its layers are BERT's: Sanh et al. 2019, arXiv 1910.01108, section 3."""
    renamed = (
        ("encoder.layer", "transformer.layer"),
        ("attention.self.query", "attention.q_lin"),
        ("attention.self.key", "attention.k_lin"),
        ("attention.self.value", "attention.v_lin"),
        ("attention.output.dense", "attention.out_lin"),
        ("attention.output.LayerNorm", "sa_layer_norm"),
        ("intermediate.dense", "ffn.lin1"),
        (".output.dense", ".ffn.lin2"),
        (".output.LayerNorm", ".output_layer_norm"),
    )
    tensors = tensors_of(copied)
    segments = "embeddings.token_type_embeddings.weight"
    tensors[segments] = np.zeros_like(tensors[segments])
    distilbert = {}
    for name, array in tensors.items():
        if name == segments or "pooler" in name:
            continue
        for old, new in renamed:
            name = name.replace(old, new)
        distilbert[f"distilbert.{name}"] = array
    rewrite(copied, distilbert)
    sizes = {
        "model_type": "distilbert",
        "activation": "gelu",
        "vocab_size": 180,
        "n_layers": 2,
        "n_heads": 4,
        "dim": 16,
        "hidden_dim": 32,
        "max_position_embeddings": 64,
    }
    (copied / "config.json").write_text(json.dumps(sizes))
    np.testing.assert_allclose(
        stacks(copied), cls_stacks(tensors, IDS, num_heads=4), atol=2e-5
    )


def edit(directory, change_tensors):
    tensors = tensors_of(directory)
    change_tensors(tensors)
    rewrite(directory, tensors)


def set_nan(tensors):
    tensors[QUERY][0, 0] = np.nan


def write(name, content):
    return lambda directory: (directory / name).write_bytes(content)


def cut(directory):
    path = directory / WEIGHTS
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_a_shard(directory):
    in_shards(directory)
    (directory / "model-00002-of-00002.safetensors").unlink()


REFUSALS = {
    "truncated": (cut, ["model.safetensors", "damaged or cut short"]),
    "empty": (write(WEIGHTS, b""), ["model.safetensors", "empty"]),
    "pointer": (
        write(WEIGHTS, b"version https://git-lfs.github.com/spec/v1\n"),
        ["model.safetensors", "Git LFS"],
    ),
    "missing tensor": (
        lambda d: edit(d, lambda t: t.pop(QUERY)),
        ["model.safetensors", QUERY, "missing"],
    ),
    "shape": (
        lambda d: edit(d, lambda t: t.update({QUERY: t[QUERY][:-1]})),
        ["model.safetensors", QUERY, "(16, 16)", "(15, 16)"],
    ),
    "nan": (
        lambda d: edit(d, set_nan),
        ["model.safetensors", QUERY, "not finite"],
    ),
    "shard": (without_a_shard, ["Missing: model-00002-of-00002.safetensors"]),
    "no weights": (
        lambda d: (d / WEIGHTS).rename(d / "tf_model.h5"),
        ["model.safetensors", "'tf_model.h5'"],
    ),
    "config": (write("config.json", b"{"), ["config.json", "must be JSON"]),
    "array": (write("config.json", b"[]"), ["config.json", "JSON object"]),
    "layers": (
        lambda d: change(d, num_hidden_layers=3),
        ["encoder.layer.2.attention", "missing"],
    ),
    "size": (
        lambda d: change(d, num_hidden_layers="8"),
        ["`num_hidden_layers` must be a whole number", "'8'"],
    ),
    "vocabulary": (
        lambda d: (d / "vocab.txt").write_text(
            (d / "vocab.txt").read_text() + "one\ntwo\n"
        ),
        ["182 tokens", "180 rows"],
    ),
    "roberta": (
        lambda d: change(d, model_type="roberta"),
        ["config.json: `model_type` must be 'bert' or 'distilbert'", "roberta"],
    ),
    "unnamed roberta": (
        lambda d: change(d, model_type=None, architectures=["RobertaModel"]),
        ["config.json: `model_type`", "RobertaModel"],
    ),
    "relu": (
        lambda d: change(d, hidden_act="relu"),
        ["config.json: `hidden_act`", "'relu'"],
    ),
    "decoder": (
        lambda d: change(d, is_decoder=True),
        ["config.json: `is_decoder`", "True"],
    ),
    "quantised": (
        lambda d: change(d, quantization_config={"bits": 4}),
        ["config.json: `quantization_config`", "'bits'"],
    ),
    "positions": (
        lambda d: change(d, position_embedding_type="relative_key"),
        ["config.json: `position_embedding_type`", "'relative_key'"],
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_read_is_named(copied, name):
    spoil, parts = REFUSALS[name]
    spoil(copied)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        checkpoint.load_checkpoint(str(copied))
    for part in parts:
        assert part in str(error.value)
    assert str(copied) in str(error.value)


def test_more_embeddings_than_tokens_are_legal(copied, expected):
    tensors = tensors_of(copied)
    name = "embeddings.word_embeddings.weight"
    tensors[name] = np.pad(tensors[name], [(0, 12), (0, 0)])
    rewrite(copied, tensors)
    change(copied, vocab_size=192)
    np.testing.assert_array_equal(stacks(copied), expected)


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        ("bert-base-uncased", "--encoder=hf://OWNER/bert-base-uncased"),
        ("google-bert/bert-base", "--encoder=hf://google-bert/bert-base"),
        ("bert_base_uncased", "--encoder=bert_base_en_uncased"),
        ("no/such/bert", "is not a directory"),
        ("./bert", "is not a directory"),
    ],
)
def test_a_name_that_is_no_encoder_is_answered_with_one(source, cure):
    with pytest.raises(FileNotFoundError) as error:
        checkpoint.load_checkpoint(source)
    assert cure in str(error.value)


def test_a_file_is_answered_with_its_directory(copied):
    with pytest.raises(FileNotFoundError, match=f"--encoder={copied}"):
        checkpoint.locate(str(copied / "vocab.txt"))


def test_modules_without_a_transformer_leave_the_directory(copied):
    (copied / "modules.json").write_text('[{"type": "x.models.CLIPModel"}]')
    assert checkpoint.locate(str(copied)) == str(copied)
    (copied / "modules.json").write_text("{")
    with pytest.raises(ValueError, match=r"modules.json must be JSON"):
        checkpoint.locate(str(copied))


def test_a_name_that_is_not_here_is_refused_without_a_network(monkeypatch):
    def refuse(*_):
        raise OSError("no route")

    monkeypatch.setattr("socket.create_connection", refuse)
    with pytest.raises(RuntimeError, match=r"cannot be reached \(no route\)"):
        checkpoint.locate("hf://tiny/none")


def test_a_preset_folder_says_its_shape(copied, tmp_path):
    backbone = keras_hub.models.BertBackbone.from_preset(str(copied))
    backbone.save_to_preset(str(tmp_path / "preset"))
    with pytest.raises(FileNotFoundError, match=r"Missing: \['tokenizer"):
        checkpoint.load_checkpoint(str(tmp_path / "preset"))
