"""One vector per text and layer: that of [CLS], or of all its tokens.

Each builder takes keras-hub's BERT of hidden size D and the indices of L
layers, ascending, and returns a model from its inputs to `(N, L, D)` float32.
"""

from collections.abc import Callable

import keras
import keras_hub


def build_cls_model(
    backbone: keras_hub.models.BertBackbone, layers: list[int]
) -> keras.Model:
    """Builds the [CLS] vectors, without computing what they do not need.

    Of the last layer only the first row is read, so only that row is
    computed: a sixth to a twelfth less of the network.
    """
    states = [backbone.get_layer("embeddings_dropout").output]
    states += [layer.output for layer in backbone.transformer_layers]
    vectors = [states[layer + 1][:, 0] for layer in layers[:-1]]
    last = layers[-1]
    first_row = FirstRow(backbone.transformer_layers[last])
    vectors.append(first_row(states[last], backbone.input["padding_mask"]))
    return keras.Model(backbone.inputs, stack(vectors), name="cls_stack")


def build_mean_model(
    backbone: keras_hub.models.BertBackbone, layers: list[int]
) -> keras.Model:
    """Builds the means over each text's own tokens, [CLS] and [SEP] included.

    Source: Reimers and Gurevych 2019, arXiv 1908.10084, section 3.
    """
    return keras.Model(
        backbone.inputs, stack(_means(backbone, layers)), name="mean_stack"
    )


def build_max_model(
    backbone: keras_hub.models.BertBackbone, layers: list[int]
) -> keras.Model:
    """Builds the maxima over each text's own tokens, dimension by dimension.

    Source: Reimers and Gurevych 2019, arXiv 1908.10084, section 3.
    """
    is_token = keras.ops.cast(backbone.input["padding_mask"], "bool")[..., None]
    maxima = [
        keras.ops.max(
            keras.ops.where(
                is_token, backbone.transformer_layers[i].output, _LEAST
            ),
            axis=1,
        )
        for i in layers
    ]
    return keras.Model(backbone.inputs, stack(maxima), name="max_stack")


def build_first_last_model(
    backbone: keras_hub.models.BertBackbone, layers: list[int]
) -> keras.Model:
    """Builds one vector: the mean over tokens of the first and last layer.

    The first layer is the output of transformer layer 0, not the embeddings.
    Source: "first-last-avg" of Su et al. 2021, arXiv 2103.15316.
    """
    del layers
    ends = [0, len(backbone.transformer_layers) - 1]
    mean = sum(_means(backbone, ends)) / 2
    return keras.Model(backbone.inputs, stack([mean]), name="first_last_stack")


def _means(
    backbone: keras_hub.models.BertBackbone, layers: list[int]
) -> list[keras.KerasTensor]:
    """Means `(N, D)` over the tokens, of each layer."""
    mask = keras.ops.cast(backbone.input["padding_mask"], "float32")
    share = mask / keras.ops.sum(mask, axis=1, keepdims=True)
    return [
        keras.ops.sum(
            backbone.transformer_layers[i].output * share[..., None], axis=1
        )
        for i in layers
    ]


_LEAST = -3e38  # below any state; bfloat16 has it, too


# By `options.POOLINGS`.
MODEL_BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "cls": build_cls_model,
    "mean": build_mean_model,
    "max": build_max_model,
    "first_last": build_first_last_model,
}


def stack(vectors: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Stacks the vectors `(N, D)` of L layers to `(N, L, D)` float32."""
    return keras.ops.cast(keras.ops.stack(vectors, axis=1), "float32")


class FirstRow(keras.layers.Layer):
    """keras-hub's `TransformerEncoder` for the query of row 0 alone.

    Post-norm and without dropout, as BERT runs it: Devlin et al. 2018, arXiv
    1810.04805. With one query, neither keys nor values need to be computed:
    with states x_j, a head's q (x_j K + b) is (q K') x_j plus a constant,
    which cancels in the softmax; and the sum of a_j (x_j V + c) is
    (sum of a_j x_j) V + c.
    """

    def __init__(self, layer: keras_hub.layers.TransformerEncoder) -> None:
        """Shares the weights of `layer`."""
        super().__init__(dtype=layer.dtype_policy, name="first_row")
        self._layer = layer

    def call(
        self, states: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        """States `(N, T, D)` and padding mask `(N, T)` to `(N, D)`."""
        layer, attention = self._layer, self._layer._self_attention_layer
        query = attention._query_dense(states[:, :1])[:, 0]  # (N, heads, d)
        query *= keras.ops.cast(query.shape[-1] ** -0.5, query.dtype)
        query = keras.ops.einsum(
            "nhd,xhd->nhx", query, attention._key_dense.kernel
        )
        scores = keras.ops.einsum("nhx,ntx->nht", query, states)
        is_token = keras.ops.cast(mask, "bool")[:, None]
        weights = keras.ops.softmax(keras.ops.where(is_token, scores, -1e9))
        mean_state = keras.ops.einsum("nht,ntx->nhx", weights, states)
        values = keras.ops.einsum(
            "nhx,xhd->nhd", mean_state, attention._value_dense.kernel
        )
        values += attention._value_dense.bias
        attended = attention._output_dense(values[:, None])[:, 0]
        x = layer._self_attention_layer_norm(attended + states[:, 0])
        y = layer._feedforward_intermediate_dense(x)
        y = layer._feedforward_output_dense(y)
        return layer._feedforward_layer_norm(x + y)
