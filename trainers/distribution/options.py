"""The flags of a training on several devices or machines.

As `--device`, they are flags of the program and no settings of what it makes:
no fingerprint knows them, and a run may be resumed by another number of
replicas. This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import os

from tfrecords import ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting, validate
from trainers.distribution import cluster

NONE, MIRRORED, MULTI_WORKER = "none", "mirrored", "multi_worker"


@dataclasses.dataclass(frozen=True)
class DistributionOptions:
    """Which devices and processes share the work of a training."""

    distribution: str = setting(
        NONE,
        "Who shares a training. none: one device. mirrored: several GPUs of "
        "this machine. multi_worker: several processes, one for each device, "
        "on one or more machines, as TF_CONFIG or Slurm's srun says.",
        (NONE, MIRRORED, MULTI_WORKER),
        group="device",
    )
    replicas: int = setting(
        0,
        "With --distribution=mirrored: how many replicas of the model; 0: one "
        "for each GPU. On a CPU they share its cores: a rehearsal, not faster.",
        ranges.Range(least=0, most=1024),
        group="device",
    )

    def __post_init__(self) -> None:
        """Refuses values that no training could use."""
        validate(self)
        if self.replicas and self.distribution != MIRRORED:
            raise ValueError(
                f"--replicas is for --distribution={MIRRORED}. Received: "
                f"--distribution={self.distribution}. Omit --replicas."
            )
        if self.replicas == 1:
            raise ValueError(
                f"--distribution={MIRRORED} needs at least two replicas. "
                f"Received: --replicas=1. Use --distribution={NONE}."
            )

    def check(self, device: DeviceOptions) -> None:
        """Refuses what can be refused without TensorFlow.

        Args:
            device: Flags of the device.

        Raises:
            ValueError: If the environment names no workers, or one GPU is to
                hold several replicas.
        """
        if self.distribution == MIRRORED and ":" in device.device:
            raise ValueError(
                f"--distribution={MIRRORED} takes several GPUs. Received: "
                f"--device={device.device}. Use --device=gpu; "
                "CUDA_VISIBLE_DEVICES chooses among them."
            )
        # Slurm's variables are read with TensorFlow's help, later.
        if self.distribution == MULTI_WORKER and not cluster.is_slurm(
            os.environ
        ):
            cluster.from_environment()


def refuse_undivided(train: object, distribution: str) -> None:
    """Refuses settings that cannot be computed in parts of a batch.

    Args:
        train: A `TrainConfig`.
        distribution: `mirrored` or `multi_worker`.

    Raises:
        ValueError: If one of its settings needs one device.
    """
    for name, value, cure in (
        ("normalization", "batch", "--normalization=image"),
        ("slice_batch_norm", "training", "--slice_batch_norm=inference"),
        ("trainable_slice", True, "--trainable_slice=false"),
        ("jit_compile", True, "--jit_compile=false"),
    ):
        if getattr(train, name) == value:
            raise ValueError(
                f"--distribution={distribution} does not work with "
                f"--{name}={str(value).lower()}, which needs one device. Use "
                f"{cure}, or --distribution=none."
            )
