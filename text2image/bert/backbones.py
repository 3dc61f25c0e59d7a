"""keras-hub's BERT with the weights of a directory."""

import pathlib

import keras
import keras_hub
import numpy as np

from text2image.bert import weight_files
from text2image.bert.headers import DISTILBERT, Header
from text2image.bert.weight_files import Tensors

# Names of DistilBERT (transformers, modeling_distilbert.py) for BERT's.
_DISTILBERT = (
    ("encoder.layer.", "transformer.layer."),
    ("attention.self.query", "attention.q_lin"),
    ("attention.self.key", "attention.k_lin"),
    ("attention.self.value", "attention.v_lin"),
    ("attention.output.dense", "attention.out_lin"),
    ("attention.output.LayerNorm", "sa_layer_norm"),
    ("intermediate.dense", "ffn.lin1"),
    ("output.dense", "ffn.lin2"),
    ("output.LayerNorm", "output_layer_norm"),
)


def build(
    directory: pathlib.Path, header: Header, dtype: str
) -> keras_hub.models.BertBackbone:
    """Builds the encoder of a Hugging Face or Google directory.

    The pooler and any head are not read: no vector depends on them.

    Args:
        directory: Holds the weights; see `weight_files.open_tensors`.
        header: Its shape.
        dtype: Type of weights and computation.

    Raises:
        FileNotFoundError: If the weights are missing.
        ValueError: If they are damaged or do not fit the header; names file
            and tensor.
    """
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=header.vocabulary_size,
        num_layers=header.num_layers,
        num_heads=header.num_heads,
        hidden_dim=header.hidden_dim,
        intermediate_dim=header.intermediate_dim,
        max_sequence_length=header.max_sequence_length,
        num_segments=header.num_segments,
        dropout=0.0,
        dtype=dtype,
    )
    with weight_files.open_tensors(directory) as tensors:
        _fill(backbone, header, tensors)
    set_gelu(backbone, header.gelu)
    set_epsilon(backbone, header.epsilon)
    return backbone


def set_gelu(backbone: keras_hub.models.BertBackbone, gelu: str) -> None:
    """Sets the form of GELU, `exact` or `tanh`, which is keras-hub's own."""
    if gelu == "tanh":
        return
    for layer in backbone.transformer_layers:
        # The dense layer applies it; the attribute is saved with the config.
        layer._feedforward_intermediate_dense.activation = (
            keras.activations.gelu
        )
        layer.activation = keras.activations.gelu


def set_epsilon(
    backbone: keras_hub.models.BertBackbone, epsilon: float
) -> None:
    """Sets the epsilon of all layer norms."""
    backbone.get_layer("embeddings_layer_norm").epsilon = epsilon
    for layer in backbone.transformer_layers:
        layer._self_attention_layer_norm.epsilon = epsilon
        layer._feedforward_layer_norm.epsilon = epsilon


def _fill(
    backbone: keras_hub.models.BertBackbone, header: Header, tensors: Tensors
) -> None:
    is_distilbert = header.family == DISTILBERT

    def read(name: str, shape: tuple[int, ...]) -> np.ndarray:
        for bert, distilbert in _DISTILBERT if is_distilbert else ():
            name = name.replace(bert, distilbert)
        return tensors(name, shape)

    def norm(layer: keras.layers.LayerNormalization, name: str) -> None:
        layer.gamma.assign(read(f"{name}.weight", layer.gamma.shape))
        layer.beta.assign(read(f"{name}.bias", layer.beta.shape))

    def dense(layer: keras.layers.Layer, name: str) -> None:
        # Ours are (in, heads, head) or (in, out); theirs are (out, in).
        bias = read(f"{name}.bias", (int(np.prod(layer.bias.shape)),))
        kernel = layer.kernel
        num_out = len(bias)
        shape = (num_out, int(np.prod(kernel.shape)) // num_out)
        matrix = read(f"{name}.weight", shape).T
        kernel.assign(matrix.reshape(kernel.shape))
        layer.bias.assign(bias.reshape(layer.bias.shape))

    for layer, variable, name in (
        ("token_embedding", "embeddings", "word_embeddings"),
        ("position_embedding", "position_embeddings", "position_embeddings"),
        ("segment_embedding", "embeddings", "token_type_embeddings"),
    ):
        table = getattr(backbone.get_layer(layer), variable)
        if is_distilbert and layer == "segment_embedding":
            table.assign(np.zeros(table.shape))
        else:
            table.assign(read(f"embeddings.{name}.weight", table.shape))
    norm(backbone.get_layer("embeddings_layer_norm"), "embeddings.LayerNorm")
    for number, block in enumerate(backbone.transformer_layers):
        prefix = f"encoder.layer.{number}"
        attention = block._self_attention_layer
        for layer, name in (
            (attention.query_dense, "attention.self.query"),
            (attention.key_dense, "attention.self.key"),
            (attention.value_dense, "attention.self.value"),
            (attention.output_dense, "attention.output.dense"),
            (block._feedforward_intermediate_dense, "intermediate.dense"),
            (block._feedforward_output_dense, "output.dense"),
        ):
            dense(layer, f"{prefix}.{name}")
        norm(
            block._self_attention_layer_norm,
            f"{prefix}.attention.output.LayerNorm",
        )
        norm(block._feedforward_layer_norm, f"{prefix}.output.LayerNorm")
