"""The cascade on a model whose explanations are its weights."""

import keras
import numpy as np
import pytest

from trainers.explanations import cascade
from trainers.network import model as network


@pytest.fixture
def weights():
    return keras.Variable(np.arange(40.0), name="weights")


def test_explanations_that_are_the_weights_lose_their_order(weights):
    other = keras.Variable(np.arange(5.0), name="other")
    correlations = cascade.cascade(
        {"unused": [other], "used": [weights]},
        lambda: [weights.numpy(), -weights.numpy()],
        repeats=3,
    )
    assert correlations["unused"] == [1.0, 1.0, 1.0]
    assert len(set(correlations["used"])) == 3
    assert max(map(abs, correlations["used"])) < 0.5


def test_stages_stay_randomised_until_the_end_and_are_then_restored(weights):
    first = keras.Variable(np.arange(40.0), name="first")
    seen = []

    def explain():
        seen.append((first.numpy(), weights.numpy()))
        return [weights.numpy()]

    cascade.cascade({"a": [first], "b": [weights]}, explain, repeats=1)
    original, after_a, after_b = seen
    assert not np.array_equal(original[0], after_a[0])
    np.testing.assert_array_equal(original[1], after_a[1])
    np.testing.assert_array_equal(after_a[0], after_b[0])
    assert not np.array_equal(after_a[1], after_b[1])
    np.testing.assert_array_equal(np.sort(after_b[1]), np.arange(40.0))
    for variable in (first, weights):
        np.testing.assert_array_equal(variable.numpy(), np.arange(40.0))


def test_weights_are_restored_after_an_error(weights):
    calls = iter([[weights.numpy()]])
    with pytest.raises(StopIteration):
        cascade.cascade({"a": [weights]}, lambda: next(calls), repeats=1)
    np.testing.assert_array_equal(weights.numpy(), np.arange(40.0))


def test_a_rank_correlation_is_signed_and_short_texts_are_left_out():
    up, down, flat = np.arange(4.0), -np.arange(4.0), np.zeros(4)
    assert cascade.rank_correlation([up, up[:2]], [up**3, -up[:2]]) == 1.0
    assert cascade.rank_correlation([up, up], [down, flat]) == -0.5


def test_every_weight_of_a_run_but_its_mean_image_has_one_stage(trained):
    from trainers.runs import loading

    whole = loading.load_run(trained[2].workdir).model
    encoder = keras.Sequential([keras.layers.Dense(2)])
    encoder.build((None, 3))
    stages = cascade.stages(whole, encoder)
    assert list(stages) == ["head", "autoencoder", "slice", "encoder"]
    listed = [id(weight) for values in stages.values() for weight in values]
    assert len(listed) == len(set(listed))
    contrast = whole.layers[1].get_layer(network.CONTRAST)
    expected = {id(weight) for weight in (*whole.weights, *encoder.weights)}
    assert set(listed) == expected - {id(contrast.mean)}
