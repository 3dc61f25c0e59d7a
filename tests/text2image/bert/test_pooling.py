"""One vector per text: each pooling against the states, by numpy.

Those of the layers are compared with transformers in `test_encoder`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from text2image import options
from text2image.bert import encoder

ATOL = 1e-5
TEXTS = ["a good film", "bad", "the film is not as good as the other film"]

# States `(T, D)` of one layer to its vector.
POOLED = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(axis=0),
    "max": lambda states: states.max(axis=0),
}


def hidden_states(backbone, ids):
    """Outputs `(T, D)` of all layers for one text without padding."""
    model = keras.Model(
        backbone.inputs,
        [layer.output for layer in backbone.transformer_layers],
    )
    ids = tf.constant(ids[np.newaxis])
    outputs = model(
        {
            "token_ids": ids,
            "segment_ids": tf.zeros_like(ids),
            "padding_mask": tf.ones_like(ids),
        }
    )
    return [state[0].numpy() for state in outputs]


def expected(pooling, layers, states):
    if pooling == "first_last":
        ends = np.stack([states[0], states[-1]]).mean(axis=0)
        return ends.mean(axis=0)[np.newaxis]
    return np.stack([POOLED[pooling](states[layer]) for layer in layers])


@pytest.mark.parametrize("layers", ["all", "last1"])
@pytest.mark.parametrize(
    "pooling",
    [
        pytest.param(name, marks=() if name == "max" else pytest.mark.slow)
        for name in options.POOLINGS
    ],
)
def test_a_pooling_is_that_of_a_texts_own_states(tiny_bert, pooling, layers):
    bert = encoder.Encoder(
        tiny_bert,
        layers=layers,
        max_tokens=64,
        tokens_per_batch=64,  # texts of all lengths share a batch
        pooling=pooling,
        compiled=False,
    )
    stacks, _ = bert.encode(TEXTS)
    tokens = bert.tokenize(TEXTS)
    for ids, kept, stack in zip(tokens.ids, tokens.kept, stacks, strict=True):
        states = hidden_states(bert.backbone, ids[:kept])
        np.testing.assert_allclose(
            stack, expected(pooling, bert.layers, states), rtol=0, atol=ATOL
        )


def test_first_and_last_layer_give_one_row(tiny_bert):
    bert = encoder.Encoder(
        tiny_bert, layers="last2", max_tokens=64, pooling="first_last"
    )
    assert bert.layers == [len(bert.backbone.transformer_layers) - 1]
    assert bert.stack_shape == (1, bert.backbone.hidden_dim)
