"""Keras's attention and dense layers in the operations that OpenVINO fuses.

Keras writes them as einsums. Where sizes are only known when it runs,
OpenVINO broadcasts both sides of an einsum before it multiplies them, and does
not recognise attention. The values stay the same up to their last bits.
"""

from typing import Any

import numpy as np

# As in keras.layers.EinsumDense of keras.layers.MultiHeadAttention: states to
# heads, and heads to states.
_TO_HEADS, _FROM_HEADS = "abc,cde->abde", "abcd,cde->abe"
# As in Keras's `dot_product_attention` on TensorFlow: weights by values.
_WEIGHTED_SUM = "BNTS,BSNH->BTNH"
# From the weights back to queries and keys: operation, and its input that
# leads there.
_WEIGHTS = (("Softmax", 0), ("Select", 1), ("Multiply", 0), ("Einsum", None))


def fuse(model: Any) -> int:
    """Rewrites a model in place.

    Args:
        model: An `openvino.Model` of a Keras model's graph.

    Returns:
        The number of attentions that were recognised.
    """
    from openvino import utils  # an extra

    num_attentions = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Einsum":
            continue
        equation = node.get_attributes()["equation"]
        if equation in (_TO_HEADS, _FROM_HEADS):
            utils.replace_node(node, _dense(equation, *node.input_values()))
        elif equation == _WEIGHTED_SUM and (attention := _attention(node)):
            utils.replace_node(node, attention)
            num_attentions += 1
    model.validate_nodes_and_infer_types()
    return num_attentions


def _dense(equation: str, states: Any, kernel: Any) -> Any:
    from openvino import opset13 as ops

    first, second, third = (int(size) for size in kernel.get_shape())
    if equation == _TO_HEADS:  # kernel: (inputs, heads, size of a head)
        matrix = ops.reshape(
            kernel, np.array([first, second * third], np.int32), False
        )
        products = ops.matmul(states, matrix, False, False)
        return ops.reshape(
            products, np.array([0, 0, second, third], np.int32), True
        )
    # Kernel: (heads, size of a head, outputs).
    matrix = ops.reshape(
        kernel, np.array([first * second, third], np.int32), False
    )
    joined = ops.reshape(
        states, np.array([0, 0, first * second], np.int32), True
    )
    return ops.matmul(joined, matrix, False, False)


def _attention(node: Any) -> Any:
    """The whole attention that ends in `node`; `None` if it is another."""
    from openvino import opset13 as ops

    part = node.input_value(0).get_node()
    parts = {}
    for name, following in _WEIGHTS:
        if part.get_type_name() != name:
            return None
        parts[name] = part
        if following is not None:
            part = part.input_value(following).get_node()
    # The mask, and a tensor of ones as large as the weights.
    mask = parts["Select"].input_value(0).get_node().input_value(1)
    scale = parts["Multiply"].input_value(1).get_node().get_data().item()
    heads_first = ops.constant(np.array([0, 2, 1, 3], np.int32))
    queries, keys, values = (
        ops.transpose(value, heads_first)
        for value in (*parts["Einsum"].input_values(), node.input_value(1))
    )
    attended = ops.scaled_dot_product_attention(
        queries, keys, values, mask, ops.constant(np.float32(scale))
    )
    return ops.transpose(attended, heads_first)
