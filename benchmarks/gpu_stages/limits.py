"""What the device can do at best: products, copies, answers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import measuring
from text2image import devices

_GPU_SIDE, _CPU_SIDE = 8192, 2048
_GPU_REPEATS = 20
_COPY_BYTES = 64 * 2**20
_ROUNDS = 3


def measure() -> dict[str, Any]:
    """Measures the limits of the device.

    Returns:
        `side` of the squares; `float32` and `bfloat16`: operations per second
        of their product; `to_device` and `to_host`: bytes per second;
        `round_trip`: seconds until the host has the result of one addition.
    """
    side = _GPU_SIDE if devices.has_gpu() else _CPU_SIDE
    repeats = _GPU_REPEATS if devices.has_gpu() else 1
    array = np.zeros(_COPY_BYTES // 4, np.float32)
    with tf.device(devices.name()):
        on_device = tf.zeros(array.shape)
        one = tf.constant(1.0)

        def receive() -> None:
            np.array(on_device.numpy())

        def send() -> None:
            # A sum, so that the copy has arrived.
            (tf.constant(array)[:1] + one).numpy()

        return {
            "side": side,
            **{
                dtype: 2
                * side**3
                * repeats
                / measuring.best(_product(side, dtype, repeats), _ROUNDS)
                for dtype in ("float32", "bfloat16")
            },
            "to_device": _COPY_BYTES / measuring.best(send, _ROUNDS),
            "to_host": _COPY_BYTES / measuring.best(receive, _ROUNDS),
            "round_trip": measuring.best(lambda: (one + one).numpy(), 100),
        }


def _product(side: int, dtype: str, repeats: int) -> Callable[[], Any]:
    """Multiplies squares `repeats` times and waits for the last one."""
    square = tf.cast(tf.random.normal((side, side)), dtype)
    multiply = tf.function(lambda x: tf.matmul(x, x))

    def call() -> None:
        for _ in range(repeats):
            product = multiply(square)
        # One number, not the whole product, comes to the host.
        product[0, 0].numpy()

    return call
