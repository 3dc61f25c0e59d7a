"""An encoder's model as a function of padded ids, by engine."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from text2image.bert import openvino_engine
from text2image.bert.computing import Computing

# Ids `(N, T)` int32 to stacks `(N, L, D)` float32; threads may call it at once.
Engine = Callable[[np.ndarray], np.ndarray]


class TensorFlowEngine:
    """The model by TensorFlow.

    Attributes:
        function: Traced once for all shapes; XLA compiles each of them, if it
            is asked to.
    """

    def __init__(
        self, model: keras.Model, pad_id: int, computing: Computing
    ) -> None:
        """Traces nothing yet."""

        def stacks(ids: tf.Tensor) -> tf.Tensor:
            return run_model(model, pad_id, ids)

        self.function = tf.function(
            stacks,
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
            jit_compile=computing.is_compiled or None,
            autograph=False,
        )

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """Encodes a batch."""
        return self.function(tf.constant(ids)).numpy()


def _openvino(model: keras.Model, pad_id: int, computing: Computing) -> Engine:
    return openvino_engine.build(
        model, pad_id, computing.dtype, computing.batches_at_once
    )


# By `Computing.engine`.
ENGINES: dict[str, Callable[[keras.Model, int, Computing], Engine]] = {
    "tensorflow": TensorFlowEngine,
    "openvino": _openvino,
}


def run_model(model: keras.Model, pad_id: int, ids: tf.Tensor) -> tf.Tensor:
    """Encodes `(N, T)` int32 padded ids to `(N, L, D)` float32 stacks."""
    return model(
        {
            "token_ids": ids,
            "segment_ids": tf.zeros_like(ids),
            "padding_mask": ids != pad_id,
        },
        training=False,
    )
