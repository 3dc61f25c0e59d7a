"""Several replicas take the steps that one device takes."""

import json

import keras
import pytest

from tests.support import commands
from trainers.distribution.workers import Workers
from trainers.training import parallel_steps

# Sums over examples in another order, a few steps of Adam later.
_TOLERANCE = 1e-5


@pytest.mark.parametrize(
    "kind", ["norms", pytest.param("plain", marks=pytest.mark.slow)]
)
def test_three_replicas_train_the_model_that_one_device_trains(kind, tmp_path):
    """With dropout, batch norm, penalties and unequal parts of a batch."""
    finished = commands.run("tests.support.replicas", kind, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    differences = json.loads(finished.stdout)
    has_norms = any("moving_variance" in name for name in differences)
    assert has_norms == (kind == "norms")
    assert max(differences.values()) < _TOLERANCE, differences


class _Replicas(Workers):
    num_replicas = 4


@pytest.mark.parametrize(
    ("batch_size", "has_norms", "expected"),
    [
        (3, False, "at least 4, the number of replicas"),
        (8, False, ""),
        (8, True, "3 examples for 4 replicas"),
        (9, True, ""),  # a single one is dropped
        (10, True, ""),
        (6, True, ""),
    ],
)
def test_batches_that_replicas_cannot_share_are_refused(
    batch_size, has_norms, expected
):
    maps = keras.Input((2,))
    norm = keras.layers.BatchNormalization()
    model = keras.Model(maps, norm(maps) if has_norms else maps)
    num_examples = {8: 19, 9: 19, 10: 15, 6: 10, 3: 19}[batch_size]
    if not expected:
        parallel_steps.check_batches(
            model, num_examples, batch_size, _Replicas()
        )
        return
    with pytest.raises(ValueError, match=expected):
        parallel_steps.check_batches(
            model, num_examples, batch_size, _Replicas()
        )
