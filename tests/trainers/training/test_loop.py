"""A training leaves the process as it found it."""

import random

import numpy as np
import pytest
from tensorflow.python.framework import config as tensorflow_config

from trainers.training import loop


@pytest.fixture
def determinism():
    """Sets it, and restores it after the test."""
    before = tensorflow_config.is_op_determinism_enabled()

    def switch(on):
        if on:
            tensorflow_config.enable_op_determinism()
        else:
            tensorflow_config.disable_op_determinism()

    yield switch
    switch(before)


@pytest.mark.parametrize("was_on", [True, False])
def test_determinism_ends_with_the_training(determinism, was_on):
    determinism(was_on)
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002

    @loop.deterministic()
    def train():
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)
        assert tensorflow_config.is_op_determinism_enabled()
        raise FloatingPointError

    for _ in range(2):
        with pytest.raises(FloatingPointError):
            train()
    assert tensorflow_config.is_op_determinism_enabled() == was_on
    assert random.getstate() == states[0]
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, states[1])
