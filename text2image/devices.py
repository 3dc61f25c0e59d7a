"""What TensorFlow computes on: the first visible GPU, else the CPU.

Nothing here starts TensorFlow's runtime, so devices can still be chosen after
an answer (`tfrecords.devices` does so). Answers are about what is visible when
they are asked for.
"""

import ctypes
import os
from typing import Any

import tensorflow as tf
from absl import logging

# CUDA's C library, which comes with every driver.
_LIBCUDA = "libcuda.so.1"
# Tensor cores multiply bfloat16 from this compute capability on (Ampere).
_BFLOAT16_SINCE = (8, 0)
# Taken for the memory of a GPU that does not say how much it has.
_ASSUMED_BYTES = 8 * 2**30


def gpu() -> tf.config.PhysicalDevice | None:
    """Returns the visible GPU that computes, `/GPU:0`, if there is one."""
    gpus = tf.config.get_visible_devices("GPU")
    return gpus[0] if gpus else None


def has_gpu() -> bool:
    """Tells whether TensorFlow computes on a GPU."""
    return gpu() is not None


def name() -> str:
    """Returns what `tf.device` takes: `/GPU:0` or `/CPU:0`."""
    return "/GPU:0" if has_gpu() else "/CPU:0"


def describe() -> str:
    """Names the device as its maker does; `CPU` for every CPU."""
    if not has_gpu():
        return "CPU"
    return _details().get("device_name", "GPU")


def compute_capability() -> tuple[int, int] | None:
    """Returns NVIDIA's number of the GPU's generation; `None` on a CPU."""
    return _details().get("compute_capability")


def supports_bfloat16() -> bool:
    """Tells whether TensorFlow gains by computing in bfloat16.

    On CPUs it does not, even where they have units for it: XLA leaves them idle
    and TensorFlow's own kernels lose the gain between the products.
    """
    return (compute_capability() or (0, 0)) >= _BFLOAT16_SINCE


def memory_bytes() -> int:
    """Returns the memory of the device in bytes: the GPU's, or the machine's.

    8 GiB, with a warning, for a GPU whose driver does not say.
    """
    device = gpu()
    if device is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    total = _cuda_bytes(int(device.name.rpartition(":")[2]))
    if total is None:
        logging.warning(
            "%s does not say how much memory it has: assuming %d GiB.",
            describe(),
            _ASSUMED_BYTES // 2**30,
        )
        return _ASSUMED_BYTES
    return total


def _details() -> dict[str, Any]:
    """Returns what TensorFlow knows about the GPU; empty on a CPU."""
    device = gpu()
    if device is None:
        return {}
    return tf.config.experimental.get_device_details(device)


def _cuda_bytes(ordinal: int) -> int | None:
    """Asks CUDA for the memory of a GPU; TensorFlow has no call for it."""
    try:
        cuda = ctypes.CDLL(_LIBCUDA)
    except OSError:
        return None
    device, total = ctypes.c_int(), ctypes.c_size_t()
    calls = (
        (cuda.cuInit, 0),
        (cuda.cuDeviceGet, ctypes.byref(device), ordinal),
        (cuda.cuDeviceTotalMem_v2, ctypes.byref(total), device),
    )
    for function, *arguments in calls:
        if function(*arguments) != 0:  # CUDA_SUCCESS
            return None
    return total.value
