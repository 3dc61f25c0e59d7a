"""The shape of an encoder, from its config alone: no weights, no TensorFlow.

Read before anything long begins, so that what the encoder cannot do is refused
at once.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

BERT, DISTILBERT = "bert", "distilbert"
# In the directory of a tuned encoder: how it was tuned.
TUNING = "tuning.json"
CONFIG_NAMES = ("config.json", "bert_config.json")
_SAVED_MODEL = "saved_model.pb"
_CURE = "Name another --encoder."
# Forms of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2): by
# `erf`, or the approximation by `tanh`; names as in transformers' ACT2FN.
_ACTIVATIONS = {
    "gelu": "exact",
    "gelu_python": "exact",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_pytorch_tanh": "tanh",
}
# Config keys of each family, in the order of `Header`'s fields.
_KEYS = {
    BERT: (
        *("vocab_size", "num_hidden_layers", "num_attention_heads"),
        *("hidden_size", "intermediate_size", "max_position_embeddings"),
    ),
    DISTILBERT: (
        *("vocab_size", "n_layers", "n_heads"),
        *("dim", "hidden_dim", "max_position_embeddings"),
    ),
}


@dataclasses.dataclass(frozen=True)
class Header:
    """Shape of a BERT.

    Attributes:
        family: `bert` or `distilbert`.
        vocabulary_size: Rows of the token embeddings.
        num_layers: Layers.
        num_heads: Attention heads of a layer.
        hidden_dim: Hidden size D.
        intermediate_dim: Size between the two dense layers.
        max_sequence_length: Positions.
        num_segments: Rows of the segment embeddings.
        epsilon: Added to the variance by layer normalisation.
        gelu: `exact` or `tanh`.
    """

    family: str
    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    max_sequence_length: int
    num_segments: int = 2
    epsilon: float = 1e-12
    gelu: str = "exact"


def is_saved_model(directory: str | pathlib.Path) -> bool:
    """Whether a directory holds a SavedModel and no BERT."""
    directory = pathlib.Path(directory).expanduser()
    has_config = any((directory / name).is_file() for name in CONFIG_NAMES)
    return (directory / _SAVED_MODEL).is_file() and not has_config


def config_file(directory: pathlib.Path) -> pathlib.Path:
    """Finds the config of a directory.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it holds a SavedModel instead.
    """
    for name in CONFIG_NAMES:
        if (directory / name).is_file():
            return directory / name
    if is_saved_model(directory):
        raise ValueError(
            f"--encoder={directory} must be a BERT: a stack has the vectors of "
            "its layers. Received: a TensorFlow SavedModel, which gives one "
            "vector per text. Classify images with titles by it (python -m "
            "trainers.multimodal.run), or draw its vectors: --stacks=FILE."
        )
    found = sorted(path.name for path in directory.iterdir())
    raise FileNotFoundError(
        f"--encoder={directory} must be a keras-hub preset or a BERT of "
        f"Hugging Face or Google. Missing: {CONFIG_NAMES[0]}. Found: "
        f"{', '.join(found[:8]) or 'nothing'}"
    )


def read_config(path: pathlib.Path) -> dict[str, Any]:
    """Reads a config file; a byte-order mark is skipped.

    Raises:
        ValueError: If it holds no JSON object.
    """
    try:
        config = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise ValueError(
            f"{path} must be JSON. Received: {error}. Fetch it again."
        ) from error
    if not isinstance(config, dict):
        raise ValueError(
            f"{path} must hold a JSON object. Received: "
            f"{type(config).__name__}. {_CURE}"
        )
    return config


def is_keras_hub_preset(config: Mapping[str, Any]) -> bool:
    """Whether a config is one that keras-hub saved."""
    return "registered_name" in config and "config" in config


def read_header(directory: pathlib.Path) -> Header:
    """Reads the shape of the BERT in a directory.

    Raises:
        FileNotFoundError: If it has no config.
        ValueError: If it is no BERT that can be computed; names file and
            field.
    """
    path = config_file(directory)
    config = read_config(path)
    if is_keras_hub_preset(config):
        return _of_preset(path, config)
    family = _family(path, config)
    sizes: list[int] = []
    for key in _KEYS[family]:
        value = config.get(key)
        if not isinstance(value, int) or value < 1:
            raise _refusal(path, key, "a whole number of at least 1", value)
        sizes.append(value)
    positions = config.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        raise _refusal(path, "position_embedding_type", "absolute", positions)
    if config.get("is_decoder"):  # its attention is causal
        raise _refusal(path, "is_decoder", False, config["is_decoder"])
    if config.get("quantization_config"):
        raise _refusal(
            path, "quantization_config", "absent", config["quantization_config"]
        )
    key = "activation" if family == DISTILBERT else "hidden_act"
    activation = config.get(key, "gelu")
    if activation not in _ACTIVATIONS:
        raise _refusal(path, key, f"one of {list(_ACTIVATIONS)}", activation)
    if sizes[3] % sizes[2]:
        raise _refusal(
            path, _KEYS[family][2], f"a divisor of {sizes[3]}", sizes[2]
        )
    return dataclasses.replace(
        _shape(family, sizes),
        # DistilBERT has no segments: Sanh et al. 2019, arXiv 1910.01108.
        num_segments=(
            1 if family == DISTILBERT else config.get("type_vocab_size", 2)
        ),
        epsilon=config.get("layer_norm_eps", 1e-12),
        gelu=_ACTIVATIONS[activation],
    )


def _of_preset(path: pathlib.Path, config: Mapping[str, Any]) -> Header:
    name = str(config["registered_name"])
    if not name.endswith(">BertBackbone"):
        raise _refusal(path, "registered_name", "keras_hub>BertBackbone", name)
    values = config["config"]
    names = (
        *("vocabulary_size", "num_layers", "num_heads", "hidden_dim"),
        *("intermediate_dim", "max_sequence_length", "num_segments"),
    )
    # keras-hub's BERT has the tanh form and saves no other.
    header = _shape(BERT, [values[name] for name in names[:-1]])
    return dataclasses.replace(
        header, num_segments=values["num_segments"], gelu="tanh"
    )


def _shape(family: str, sizes: list[int]) -> Header:
    """Makes a header of sizes in the order of `_KEYS`."""
    names = [field.name for field in dataclasses.fields(Header)][1:]
    named: dict[str, Any] = dict(zip(names, sizes, strict=False))
    return Header(family, **named)


def _family(path: pathlib.Path, config: Mapping[str, Any]) -> str:
    stated = config.get("model_type")
    if stated in _KEYS:
        return stated
    if stated is not None:
        raise ValueError(
            f"{path}: `model_type` must be 'bert' or 'distilbert'. Received: "
            f"{stated!r}, whose layers or tokens are of another kind. {_CURE}"
        )
    architectures = config.get("architectures") or [""]
    guess = DISTILBERT if "n_layers" in config else BERT
    is_other = not str(architectures[0]).lower().startswith((guess, "tfbert"))
    if (architectures[0] and is_other) or not set(_KEYS[guess]) <= set(config):
        raise ValueError(
            f"{path}: `model_type` must be 'bert' or 'distilbert'. Received: "
            f"none, `architectures` {architectures} and the keys "
            f"{sorted(config)[:12]}. {_CURE}"
        )
    if path.name == CONFIG_NAMES[0]:  # Google's config never says it
        logging.info("encoder: %s has no `model_type`, read as %s", path, guess)
    return guess


def _refusal(
    path: pathlib.Path, key: str, expected: object, received: object
) -> ValueError:
    return ValueError(
        f"{path}: `{key}` must be {expected} for a BERT encoder. Received: "
        f"{received!r}. {_CURE}"
    )
