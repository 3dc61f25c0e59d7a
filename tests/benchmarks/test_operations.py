"""Counted operations equal those of the formulas, written out."""

import keras
import numpy as np

from benchmarks import encoder, operations


def test_operations_of_layers_are_counted_by_hand():
    model = keras.Sequential(
        [
            keras.Input((8, 6, 4)),
            keras.layers.Conv2D(10, 3, groups=2, padding="same"),
            keras.layers.DepthwiseConv2D(3, strides=2, padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    grouped = 48 * 10 * (9 * 2)
    depthwise = 12 * 10 * 9
    dense = 120 * 5
    counted = operations.forward_flops(model, (8, 6, 4))
    assert counted == 2 * (grouped + depthwise + dense)


class Shape:
    hidden_dim = 4
    intermediate_dim = 16
    num_layers = 3


def test_operations_of_a_bert_are_counted_by_hand():
    whole, needed = encoder.flops(np.array([2, 3]), Shape)
    linear = 4 * 4 * 4 + 2 * 4 * 16  # q, k, v, output; feed forward
    attention = 2 * (4 + 9) * 4
    assert whole == 2 * 3 * (5 * linear + attention)
    # The last layer: keys and values of all rows, the rest of two rows.
    last = 5 * 2 * 16 + 2 * (linear - 2 * 16) + 2 * 5 * 4
    assert needed == 2 * (2 * (5 * linear + attention) + last)
