"""BERT checkpoints: keras-hub presets and Hugging Face directories."""

import dataclasses
import hashlib
import json
import pathlib

import keras
import keras_hub

from text2image import assets, hashes
from text2image.bert import wordpiece_files
from text2image.bert.wordpiece import WordPiece, bert_steps

# Fixed in keras-hub's BertBackbone: a Hugging Face checkpoint with a different
# value would load and give wrong vectors.
_FIXED = {
    "model_type": "bert",
    "layer_norm_eps": 1e-12,
    "type_vocab_size": 2,
    "position_embedding_type": "absolute",
}
_ACTIVATIONS = {
    "gelu": "exact",
    "gelu_new": "tanh",
    "gelu_pytorch_tanh": "tanh",
}


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A loaded BERT with its vocabulary.

    Attributes:
        backbone: keras-hub `BertBackbone`, dropout 0.
        wordpiece: Its tokeniser.
        gelu: Form of GELU that it was trained with: `exact` (erf) or `tanh`.
    """

    backbone: keras_hub.models.BertBackbone
    wordpiece: WordPiece
    gelu: str


MINI = "mini"


def locate(source: str) -> str:
    """Replaces `mini` by the directory of the encoder shipped with the package.

    Args:
        source: See `load_checkpoint`, or `mini`.

    Raises:
        FileNotFoundError: If a file of the mini encoder is missing.
        ValueError: If a file of the mini encoder was altered.
    """
    if source != MINI:
        return source
    return str(assets.mini_encoder())


def identify(source: str) -> str:
    """Returns the sha256 of a checkpoint without loading it.

    A directory is hashed with all its files; of a preset that keras-hub fetches
    by name, only the name is hashed.
    """
    path = pathlib.Path(source)
    if path.is_dir():
        return hashes.sha256_of_directory(path)
    return hashlib.sha256(source.encode()).hexdigest()


def load_checkpoint(source: str, dtype: str = "float32") -> Checkpoint:
    """Loads a checkpoint.

    GELU: a Hugging Face directory states its form (`hidden_act`). Google's
    checkpoints, which keras-hub calls `bert_*`, were trained with the exact
    form, and the paper used it. Any other keras-hub preset uses the tanh form
    that keras-hub saved it with.

    Args:
        source: A directory (keras-hub preset or Hugging Face layout with
            `model.safetensors`, `vocab.txt`, `tokenizer_config.json`), or the
            name of a keras-hub preset such as `bert_base_en_uncased`.
        dtype: Type of weights and computation.

    Raises:
        FileNotFoundError: If the directory or one of its files is missing.
        ValueError: If the checkpoint is not a BERT as keras-hub computes
            it.
        RuntimeError: If a preset cannot be fetched.
    """
    path = pathlib.Path(source)
    if not path.is_dir():
        if "/" in source and "://" not in source:
            raise FileNotFoundError(
                "`encoder` must be a directory or the name of a keras-hub "
                f"preset. Received: {source!r}, which is not a directory."
            )
        return _load_named_preset(source, dtype)
    if (path / "vocab.txt").is_file():
        return _load_hugging_face(path, dtype)
    _require(path, ("config.json", "tokenizer.json", "model.weights.h5"))
    return _load_preset(source, "tanh", dtype)


def _load_named_preset(name: str, dtype: str) -> Checkpoint:
    gelu = "exact" if name.startswith("bert_") else "tanh"
    try:
        return _load_preset(name, gelu, dtype)
    except Exception as error:
        raise RuntimeError(
            f"The keras-hub preset {name!r} could not be loaded ({error}). "
            "Without a network, pass a directory with --encoder=PATH."
        ) from error


def _load_preset(source: str, gelu: str, dtype: str) -> Checkpoint:
    backbone = keras_hub.models.BertBackbone.from_preset(
        source, dropout=0.0, dtype=dtype
    )
    tokenizer = keras_hub.models.BertTokenizer.from_preset(source)
    _set_gelu(backbone, gelu)
    return Checkpoint(
        backbone,
        WordPiece(
            list(tokenizer.get_vocabulary()),
            bert_steps(lowercase=bool(tokenizer.lowercase)),
        ),
        gelu,
    )


def _load_hugging_face(path: pathlib.Path, dtype: str) -> Checkpoint:
    _require(
        path, ("config.json", "model.safetensors", "tokenizer_config.json")
    )
    config = json.loads((path / "config.json").read_text("utf-8"))
    for key, expected in _FIXED.items():
        received = config.get(key, expected)
        if received != expected:
            raise ValueError(
                f"{path}/config.json: `{key}` must be {expected!r} for a BERT "
                f"encoder. Received: {received!r}. Name another --encoder."
            )
    activation = config.get("hidden_act", "gelu")
    if activation not in _ACTIVATIONS:
        raise ValueError(
            f"{path}/config.json: `hidden_act` must be one of "
            f"{sorted(_ACTIVATIONS)}. Received: {activation!r}. Name another "
            "--encoder."
        )
    backbone = keras_hub.models.BertBackbone.from_preset(
        str(path), dropout=0.0, dtype=dtype
    )
    _set_gelu(backbone, _ACTIVATIONS[activation])
    return Checkpoint(
        backbone,
        wordpiece_files.read_wordpiece(path),
        _ACTIVATIONS[activation],
    )


def _require(path: pathlib.Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{path} must be a keras-hub preset or a Hugging Face BERT "
            f"directory (weights as model.safetensors). Missing: {missing}"
        )


def _set_gelu(backbone: keras_hub.models.BertBackbone, gelu: str) -> None:
    if gelu == "tanh":
        return  # keras-hub's default
    for layer in backbone.transformer_layers:
        # The dense layer applies it; the attribute is saved with the config.
        layer._feedforward_intermediate_dense.activation = (
            keras.activations.gelu
        )
        layer.activation = keras.activations.gelu
