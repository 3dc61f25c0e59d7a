"""Which examples each replica takes."""

import numpy as np
import pytest
import tensorflow as tf

from trainers.training import sources
from trainers.training.parts import WHOLE, Part


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("local", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 13])
def test_all_replicas_together_take_every_example_once(processes, local, size):
    batch = tf.range(100, 100 + size)
    total = processes * local
    taken = []
    for process in range(processes):
        part = Part(process * local, local, total)
        rows = part.cut(batch)
        assert 1 <= len(rows) <= size
        for replica in range(process * local, (process + 1) * local):
            start, count = part.extent(replica, tf.constant(size))
            values = part.take(rows, replica, tf.constant(size)).numpy()
            # Nobody computes nothing; what counts for nothing is left out.
            assert len(values) == max(int(count), 1)
            taken += list(values[: int(count)])
            assert list(values[: int(count)]) == list(
                range(100 + int(start), 100 + int(start) + int(count))
            )
            assert int(count) in (size // total, -(-size // total))
    assert taken == list(range(100, 100 + size))


def test_the_parts_of_an_order_are_its_batches_in_order():
    whole = sources.Order(23, 5, seed=3)
    assert whole.part == WHOLE
    parts = [
        sources.Order(23, 5, seed=3, part=Part(index, 1, 2)).dataset(1, 3)
        for index in range(2)
    ]
    sizes = [int(size) for size in whole.sizes(1, 3)]
    assert sizes == 2 * [5, 5, 5, 5, 3]
    for batch, *halves in zip(whole.dataset(1, 3), *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate(halves), batch)
