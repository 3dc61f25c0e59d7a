"""Random numbers of some rows are those of the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.training.parallel_layers import uniform_rows


@pytest.mark.parametrize("row_shape", [(3,), (4,), (5, 7), (1,)])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_rows_of_a_mask_are_cut_out_of_the_mask_of_the_batch(row_shape, dtype):
    # A seed that does not fit into 31 bits, as of uint32 states.
    seed = np.array([2**32 - 5, 3], np.uint32)
    whole = tf.random.stateless_uniform(
        (50, *row_shape), (seed % (2**31 - 2)).astype(np.int32), dtype=dtype
    )
    for start, count in ((0, 50), (0, 1), (1, 3), (17, 20), (49, 1)):
        rows = uniform_rows(seed, start, count, row_shape, dtype)
        np.testing.assert_array_equal(rows, whole[start : start + count])


def test_a_dropout_keeps_what_these_numbers_say():
    layer = keras.layers.Dropout(0.3, seed=5)
    inputs = tf.random.normal((20, 6))
    seed = tf.constant(np.array(layer.seed_generator.state))
    dropped = layer(inputs, training=True)
    kept = uniform_rows(seed, 0, 20, (6,), tf.float32) >= 0.3
    np.testing.assert_array_equal(dropped != 0, kept)
