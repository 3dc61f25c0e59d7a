"""keras-hub's BERT with the weights of a directory."""

import dataclasses
import pathlib
from collections.abc import Iterator

import keras
import keras_hub
import numpy as np

from text2image.bert import weight_files
from text2image.bert.headers import DISTILBERT, Header

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
        for weight in weights(backbone, header.family):
            weight.assign(tensors(weight.name, weight.shape))
    if header.family == DISTILBERT:  # it has no segments
        segments = backbone.get_layer("segment_embedding").embeddings
        segments.assign(np.zeros(segments.shape))
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


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of keras-hub's BERT, and how Hugging Face's files have it.

    Attributes:
        name: Name of the tensor in a file.
        variable: The weight.
        shape: Shape of the tensor: biases are `(out,)`, kernels `(out, in)`.
        is_kernel: Whether it is a kernel, `(in, out)` or in heads here.
    """

    name: str
    variable: keras.Variable
    shape: tuple[int, ...]
    is_kernel: bool = False

    def assign(self, tensor: np.ndarray) -> None:
        """Sets the weight from the tensor of a file."""
        array = tensor.T if self.is_kernel else tensor
        self.variable.assign(array.reshape(self.variable.shape))

    def tensor(self) -> np.ndarray:
        """Returns the tensor of a file, float32."""
        array = np.asarray(self.variable, np.float32)
        if self.is_kernel:
            array = array.reshape(self.shape[::-1]).T
        return np.ascontiguousarray(array.reshape(self.shape))


def weights(
    backbone: keras_hub.models.BertBackbone, family: str
) -> Iterator[Weight]:
    """Yields every weight but the segments that DistilBERT lacks.

    Args:
        backbone: BERT.
        family: `headers.BERT` or `headers.DISTILBERT`, for the names.
    """
    for weight in _bert_weights(backbone):
        name = weight.name
        if family == DISTILBERT:
            if "token_type" in name:
                continue
            for bert, distilbert in _DISTILBERT:
                name = name.replace(bert, distilbert)
        yield dataclasses.replace(weight, name=name)


def _bert_weights(
    backbone: keras_hub.models.BertBackbone,
) -> Iterator[Weight]:
    def table(layer: str, variable: str, name: str) -> Weight:
        weight = getattr(backbone.get_layer(layer), variable)
        return Weight(f"embeddings.{name}.weight", weight, tuple(weight.shape))

    yield table("token_embedding", "embeddings", "word_embeddings")
    yield table(
        "position_embedding", "position_embeddings", "position_embeddings"
    )
    yield table("segment_embedding", "embeddings", "token_type_embeddings")
    yield from _norm(
        backbone.get_layer("embeddings_layer_norm"), "embeddings.LayerNorm"
    )
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
            yield from _dense(layer, f"{prefix}.{name}")
        yield from _norm(
            block._self_attention_layer_norm,
            f"{prefix}.attention.output.LayerNorm",
        )
        yield from _norm(
            block._feedforward_layer_norm, f"{prefix}.output.LayerNorm"
        )


def _norm(layer: keras.layers.Layer, name: str) -> Iterator[Weight]:
    for kind, variable in (("weight", layer.gamma), ("bias", layer.beta)):
        yield Weight(f"{name}.{kind}", variable, tuple(variable.shape))


def _dense(layer: keras.layers.Layer, name: str) -> Iterator[Weight]:
    # Ours are (in, heads, head) or (in, out); theirs are (out, in).
    num_out, size = (int(np.prod(x.shape)) for x in (layer.bias, layer.kernel))
    shape = (num_out, size // num_out)
    yield Weight(f"{name}.weight", layer.kernel, shape, is_kernel=True)
    yield Weight(f"{name}.bias", layer.bias, (num_out,))
