"""How long a device computed while something ran, seen from outside.

A GPU: its driver (NVML) says which share of the last fraction of a second a
kernel was running; a thread asks many times a second. A CPU: processor time of
this process and of the children it has waited for, spread over the cores.
"""

import contextlib
import ctypes
import dataclasses
import math
import resource
import threading
import time
from collections.abc import Iterator

import numpy as np

from text2image import cpu

_INTERVAL = 0.02


@dataclasses.dataclass
class Phase:
    """What was measured from the begin of a block to its end, in seconds.

    Attributes:
        seconds: By the wall clock.
        device: Seconds of these in which the device computed; NaN if its
            driver does not say.
    """

    seconds: float = 0.0
    device: float = 0.0

    def figures(self) -> dict[str, float | None]:
        """The seconds, those of the device, and those in which it waited."""
        if math.isnan(self.device):
            return {"seconds": self.seconds, "device": None, "idle": None}
        return {
            "seconds": self.seconds,
            "device": self.device,
            "idle": max(0.0, self.seconds - self.device),
        }


class _Utilization(ctypes.Structure):
    """NVML's nvmlUtilization_t, percent."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Gpu:
    """One GPU as its driver sees it.

    Attributes:
        driver: Version of the driver.
    """

    def __init__(self, ordinal: int = 0) -> None:
        """Finds the GPU that CUDA calls `ordinal`.

        Raises:
            OSError: If there is no driver, or it does not answer.
        """
        cuda = ctypes.CDLL("libcuda.so.1")
        self._nvml = ctypes.CDLL("libnvidia-ml.so.1")
        device, self._handle = ctypes.c_int(), ctypes.c_void_p()
        bus, driver = (
            ctypes.create_string_buffer(64),
            (ctypes.create_string_buffer(96)),
        )
        # By its place on the bus: CUDA_VISIBLE_DEVICES renumbers for CUDA only.
        for function, *arguments in (
            (cuda.cuInit, 0),
            (cuda.cuDeviceGet, ctypes.byref(device), ordinal),
            (cuda.cuDeviceGetPCIBusId, bus, 64, device),
            (self._nvml.nvmlInit_v2,),
            (
                self._nvml.nvmlDeviceGetHandleByPciBusId_v2,
                bus,
                ctypes.byref(self._handle),
            ),
            (self._nvml.nvmlSystemGetDriverVersion, driver, 96),
        ):
            status = function(*arguments)
            if status != 0:
                raise OSError(f"{function.__name__} returned {status}.")
        self.driver = driver.value.decode()

    def utilization(self) -> float:
        """Share of the last sampling period in which a kernel ran, in [0, 1].

        NaN if the driver does not answer.
        """
        answer = _Utilization()
        status = self._nvml.nvmlDeviceGetUtilizationRates(
            self._handle, ctypes.byref(answer)
        )
        return math.nan if status != 0 else answer.gpu / 100


class SilentGpu:
    """A GPU whose driver does not answer: how busy it is stays unknown."""

    driver = None

    def utilization(self) -> float:
        """NaN."""
        return math.nan


def find_gpu() -> Gpu | SilentGpu:
    """Returns the GPU that TensorFlow computes on, as its driver sees it."""
    try:
        return Gpu()
    except (OSError, AttributeError):  # no library, no answer, or an old one
        return SilentGpu()


class Meter:
    """Adds up how long the device computed; its thread ends with the process.

    All times are those of `time.perf_counter`.
    """

    def __init__(self, gpu: Gpu | SilentGpu | None) -> None:
        """Starts to watch a GPU; `None` watches the processor."""
        self._gpu = gpu
        self._lock = threading.Lock()
        self._times = [time.perf_counter()]
        self._busy = [0.0]
        self._used = _used()
        threading.Thread(target=self._watch, daemon=True).start()

    @contextlib.contextmanager
    def phase(self) -> Iterator[Phase]:
        """Measures a block; the result is complete after it."""
        phase = Phase()
        self._sample()
        begin = time.perf_counter()
        try:
            yield phase
        finally:
            end = time.perf_counter()
            self._sample()
            measured = self.between(begin, end)
            phase.seconds, phase.device = measured.seconds, measured.device

    def between(self, begin: float, end: float) -> Phase:
        """Returns what was measured between two times."""
        with self._lock:
            first, last = np.interp([begin, end], self._times, self._busy)
        return Phase(end - begin, float(last - first))

    def _watch(self) -> None:
        while True:
            time.sleep(_INTERVAL)
            self._sample()

    def _sample(self) -> None:
        with self._lock:
            now = time.perf_counter()
            if self._gpu is None:
                used = _used()
                busy = (used - self._used) / cpu.count()
                self._used = used
            else:
                busy = self._gpu.utilization() * (now - self._times[-1])
            self._times.append(now)
            self._busy.append(self._busy[-1] + busy)


def _used() -> float:
    """Seconds of all threads, and of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
