"""The device that a program computes on, from flags to TensorFlow.

`--device` and `--deterministic` are flags of the program, not settings of what
it makes: no fingerprint knows them. This module imports TensorFlow only where
it is used, so that `--help` answers at once.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
from collections.abc import Collection
from typing import Any

from absl import logging

from tfrecords.settings import setting

_LEGAL = re.compile(r"auto|cpu|gpu(?::([0-9]{1,3}))?")
# Flags that decide how much lies in a device's memory at once.
_MEMORY_FLAGS = ("tokens_per_batch", "batch_size", "cache_gb")
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
_INSTALL = (
    "Install the GPU libraries with pip install '.[gpu]' and a matching driver"
)


@dataclasses.dataclass(frozen=True)
class DeviceOptions:
    """What a program computes on, and whether its bytes repeat there."""

    device: str = setting(
        "auto",
        "What computes: auto (the first GPU that TensorFlow finds, else the "
        "CPU), cpu, gpu, or gpu:N, counted from 0.",
        group="device",
    )
    deterministic: bool = setting(
        False,
        "On a GPU: the same bytes from run to run, for some speed. On a CPU "
        "they are always the same.",
        group="device",
    )

    def __post_init__(self) -> None:
        """Refuses devices that do not exist anywhere."""
        if not _LEGAL.fullmatch(self.device):
            raise ValueError(
                "--device must be auto, cpu, gpu or gpu:N with N in [0, 999]. "
                f"Received: {self.device}"
            )

    @property
    def index(self) -> int:
        """Number of the GPU among those of the machine; 0 for auto and cpu."""
        match = _LEGAL.fullmatch(self.device)
        return int(match[1] or 0) if match else 0


def use(options: DeviceOptions, *, takes_all: bool = False) -> None:
    """Makes TensorFlow see one device, before its first operation.

    A GPU's memory is taken as it is needed, unless `TF_FORCE_GPU_ALLOW_GROWTH`
    says otherwise.

    Args:
        options: Flags of the device.
        takes_all: Whether every GPU is taken, unless one is named.

    Raises:
        RuntimeError: If TensorFlow does not find that GPU, or computes on
            another device already.
    """
    import tensorflow as tf

    from text2image import devices

    gpus = tf.config.list_physical_devices("GPU")
    if options.device == "auto" and not gpus:
        _warn_of_unused_gpu()
    chosen = _choose(options, gpus)
    if chosen and takes_all:
        chosen = gpus
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        if _GROWTH not in os.environ:
            for gpu in chosen:
                tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        # A notebook has used TensorFlow before it calls a program.
        if options.device != "auto":
            raise RuntimeError(
                f"--device={options.device}: TensorFlow already computes on "
                "other devices. Restart this Python, or omit --device."
            ) from error
    if not devices.has_gpu():
        return
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    logging.info(
        "device: %s, %.0f GiB%s",
        devices.describe(),
        devices.memory_bytes() / 2**30,
        ", deterministic" if options.deterministic else "",
    )


def hide_gpus() -> None:
    """Leaves every GPU alone, unless TensorFlow already computes on one."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def explain(error: Exception, flags: Collection[str]) -> str | None:
    """Puts an error of TensorFlow's that has a cure into words.

    Args:
        error: Any exception.
        flags: Names of the flags that the program has.

    Returns:
        What happened, with the cure; `None` if it is another error.
    """
    if not type(error).__module__.startswith("tensorflow."):
        return None
    import tensorflow as tf

    from text2image import devices

    first_line = str(error).split("\n")[0]
    if isinstance(error, tf.errors.ResourceExhaustedError):
        cures = [f"--{name}" for name in _MEMORY_FLAGS if name in flags]
        cure = f"Lower {' or '.join(cures)}. " if cures else ""
        if devices.has_gpu():
            cure += "Or use --device=cpu. "
        return (
            f"Out of memory on the {devices.describe()}. {cure}TensorFlow "
            f"says: {first_line}"
        )
    if isinstance(error, tf.errors.UnimplementedError) and re.search(
        "determinis", str(error), re.IGNORECASE
    ):
        return (
            "--deterministic: an operation has no deterministic form on the "
            f"{devices.describe()}. Omit the flag, or use --device=cpu. "
            f"TensorFlow says: {first_line}"
        )
    return None


def _choose(options: DeviceOptions, gpus: list[Any]) -> list[Any]:
    """Returns the GPU to compute on, in a list; empty for the CPU."""
    if options.device == "cpu" or (options.device == "auto" and not gpus):
        return []
    if not gpus:
        raise RuntimeError(
            f"--device={options.device}: TensorFlow finds no GPU. {_INSTALL}, "
            "or use --device=cpu."
        )
    if options.index >= len(gpus):
        names = ", ".join(f"gpu:{index}" for index in range(len(gpus)))
        raise RuntimeError(
            f"--device={options.device}: TensorFlow finds {names} only. Use "
            "one of these, or --device=cpu."
        )
    return [gpus[options.index]]


def _warn_of_unused_gpu() -> None:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if pathlib.Path("/dev/nvidiactl").exists() and not hidden:
        logging.warning(
            "This machine has an NVIDIA GPU that TensorFlow cannot use: "
            "computing on the CPU. %s, or use --device=cpu to leave the GPU "
            "alone.",
            _INSTALL,
        )
