"""The replicas of a training and what its processes tell each other.

Every process holds the whole model. A step's gradients are summed over all
replicas, and every process then takes the same step.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tfrecords import devices
from tfrecords.devices import DeviceOptions
from tfrecords.paths import Path
from trainers.distribution import watchdog
from trainers.distribution.cluster import TF_CONFIG, Cluster, from_environment
from trainers.distribution.options import (
    MIRRORED,
    MULTI_WORKER,
    DistributionOptions,
)

# Names of files may take this long to reach another machine (NFS keeps what it
# knows of a directory for up to 60 s).
_FILE_SECONDS = 90.0
# What TensorFlow raises where another process has ended.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


@dataclasses.dataclass(frozen=True)
class Workers:
    """The processes of a training and their replicas.

    Attributes:
        distribution: Value of `--distribution`.
        strategy: How TensorFlow runs replicas and sums over them; `None` for
            one device.
        cluster: The processes, if there are several.
    """

    distribution: str = "none"
    strategy: tf.distribute.Strategy | None = None
    cluster: Cluster | None = None
    _watchdog: watchdog.Watchdog | None = None

    @property
    def index(self) -> int:
        """Number of this process, from 0."""
        return self.cluster.index if self.cluster else 0

    @property
    def count(self) -> int:
        """Number of processes."""
        return self.cluster.count if self.cluster else 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes, as the only one."""
        return self.index == 0

    @property
    def num_replicas(self) -> int:
        """Replicas of all processes."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    def share(self, num_rows: int, multiple: int) -> range:
        """Rows that this process computes for all; bounds at a multiple."""
        num_batches = -(-num_rows // multiple)
        start, stop = (
            min(multiple * (num_batches * index // self.count), num_rows)
            for index in (self.index, self.index + 1)
        )
        return range(start, stop)

    def barrier(self) -> None:
        """Waits until every process is here."""
        self._sum(np.zeros(1, np.float32))

    def mean(self, value: float) -> float:
        """Returns the mean of a number over the processes, to all of them."""
        return float(self._sum(np.float32(value))) / self.count

    def copy_from_chief(self, variables: Iterable[keras.Variable]) -> None:
        """Sets variables to the chief's values."""
        if self.count == 1:
            return
        for variable in variables:
            value = np.asarray(variable)
            if value.dtype == np.float32:
                variable.assign(self._from_chief(value))
                continue
            content = self._bytes_from_chief(value.tobytes())
            variable.assign(
                np.frombuffer(content, value.dtype).reshape(value.shape)
            )

    def text_from_chief(self, text: str) -> str:
        """Returns the chief's text to all processes."""
        if self.count == 1:
            return text
        length = self._from_chief(np.float32(len(text.encode())))
        if not length:  # TensorFlow 2.21 crashes on sums of no numbers
            return ""
        content = text.encode() if self.is_chief else bytes(int(length))
        return self._bytes_from_chief(content).decode()

    def await_file(self, path: Path) -> None:
        """Waits until a file that the chief has written is seen here.

        Raises:
            FileNotFoundError: If it is not.
        """
        end = time.monotonic() + _FILE_SECONDS
        while not path.is_file():
            if time.monotonic() > end:
                raise FileNotFoundError(
                    f"{path} was written by the chief and is not seen by "
                    f"worker {self.index}. Records and workdir must be on a "
                    "file system that all workers share, under the same path."
                )
            time.sleep(1)

    def finish(self) -> None:
        """Lets the other processes end, after the last step."""
        if self._watchdog is not None:
            self._watchdog.stop()

    def await_chief(self, written_last: pathlib.Path) -> None:
        """Waits until the chief has ended.

        Args:
            written_last: File that a successful chief leaves.

        Raises:
            RuntimeError: If it is not there.
        """
        assert self.cluster is not None
        self.finish()
        watchdog.wait_until_gone(self.cluster.addresses[0])
        chief = self.cluster.name(0)
        if not written_last.is_file():
            raise RuntimeError(
                f"{chief} has ended without {written_last}; its own log says "
                "why. Run the same command on all workers to resume."
            )
        # At the level that is shown here.
        logging.warning(
            "worker %d of %d is done; %s has written %s",
            self.index,
            self.count,
            chief,
            written_last.parent,
        )

    @contextlib.contextmanager
    def stopping_together(self) -> Iterator[None]:
        """Puts errors that another process causes into words.

        The watchdog's, if that process has ended.

        Raises:
            RuntimeError: If it has not.
        """
        try:
            yield
        except _LOST as error:
            if self.cluster is None:
                raise
            time.sleep(watchdog.STOP_SECONDS)
            raise RuntimeError(
                "Another worker does not answer, although it has not ended: it "
                "is stopped, or the network lost it. End it and run the same "
                "command on all workers: it resumes after the last finished "
                "epoch."
            ) from error

    def _bytes_from_chief(self, content: bytes) -> bytes:
        """Sends bytes as floats, the only type that every device sums."""
        codes = np.frombuffer(content, np.uint8).astype(np.float32)
        return self._from_chief(codes).astype(np.uint8).tobytes()

    def _from_chief(self, value: Any) -> np.ndarray:
        """Sends float32 of the chief to all."""
        return self._sum(value if self.is_chief else np.zeros_like(value))

    def _sum(self, value: Any) -> np.ndarray:
        """Sums arrays of all processes."""
        if self.count == 1:
            return np.asarray(value)
        assert self.strategy is not None
        parts = self.strategy.run(functools.partial(tf.constant, value))
        total = self.strategy.reduce(
            tf.distribute.ReduceOp.SUM, parts, axis=None
        )
        return total.numpy()


SINGLE = Workers()
_current = SINGLE


def current() -> Workers:
    """Returns what `start` made; one device if it was not called."""
    return _current


def start(options: DistributionOptions, device: DeviceOptions) -> None:
    """Chooses devices and joins the other processes.

    Before TensorFlow's first operation, which fixes what it computes on.

    Raises:
        RuntimeError: If there are too few devices.
        ValueError: If the environment names no workers.
    """
    global _current
    if options.distribution == MULTI_WORKER:
        devices.use(device)
        _current = _join(from_environment())
    elif options.distribution == MIRRORED:
        devices.use(device, takes_all=True)
        _current = Workers(MIRRORED, _mirrored(options.replicas))
    else:
        devices.use(device)


def _mirrored(replicas: int) -> tf.distribute.Strategy:
    gpus = tf.config.get_visible_devices("GPU")
    kind = "GPU" if gpus else "CPU"
    if gpus:
        replicas = replicas or len(gpus)
        if not 2 <= replicas <= len(gpus):
            raise RuntimeError(
                f"--distribution={MIRRORED} needs at least two GPUs, and as "
                f"many as --replicas. TensorFlow finds {len(gpus)}. Use "
                "--distribution=none, or rehearse with --device=cpu "
                "--replicas=2."
            )
        tf.config.set_visible_devices(gpus[:replicas], "GPU")
    elif not replicas:
        raise RuntimeError(
            f"--distribution={MIRRORED} needs at least two GPUs. TensorFlow "
            "finds none. Use --distribution=none, or rehearse on this CPU "
            "with --replicas=2."
        )
    else:
        (cpu,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * replicas
        tf.config.set_logical_device_configuration(cpu, logical)
    names = [f"{kind}:{index}" for index in range(replicas)]
    return tf.distribute.MirroredStrategy(names)


def _join(members: Cluster) -> Workers:
    os.environ[TF_CONFIG] = members.tf_config()
    # What it reports of a lost process, the watchdog says in a sentence.
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "2":  # ours
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if members.index:
        # One log and one bar are enough.
        logging.set_verbosity(logging.WARNING)
        os.environ.setdefault("TQDM_DISABLE", "1")
    guard = None
    if members.count > 1:
        guard = watchdog.Watchdog(members)
        guard.start()
    communication = tf.distribute.experimental.CommunicationImplementation
    gpus = tf.config.get_visible_devices("GPU")
    strategy = tf.distribute.MultiWorkerMirroredStrategy(
        communication_options=tf.distribute.experimental.CommunicationOptions(
            implementation=communication.AUTO if gpus else communication.RING
        )
    )
    return Workers(MULTI_WORKER, strategy, members, guard)
