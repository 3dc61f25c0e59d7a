"""What the machine is and reaches: names, versions, limits."""

import os
import pathlib
import platform
import re

import tensorflow as tf

from benchmarks.gpu_stages import activity, limits
from benchmarks.gpu_stages.activity import Meter
from benchmarks.gpu_stages.report import Report
from text2image import cpu, devices
from tfrecords import versions

_VARIABLES = re.compile(
    r"XLA_FLAGS|TF_(?:XLA|ENABLE|DISABLE|FORCE|GPU|CPP|CUDNN|NUM)_\w+"
    r"|(?:CUDA|NVIDIA|OMP)_\w+|KERAS_BACKEND|LD_LIBRARY_PATH"
)
_LIBRARIES = re.compile(r"\S*/lib(?:cu|nv|nccl)[^/\s]*\.so[^/\s]*")


def run(report: Report, meter: Meter) -> None:
    """Describes the machine, then measures its limits."""
    del meter
    report.at("names and versions")
    capability = devices.compute_capability()
    report.set(
        device=devices.describe(),
        compute_capability=".".join(map(str, capability or ())) or None,
        memory_bytes=devices.memory_bytes(),
        supports_bfloat16=devices.supports_bfloat16(),
        driver=activity.find_gpu().driver if devices.has_gpu() else None,
        tensorflow_build={
            name: value
            for name, value in tf.sysconfig.get_build_info().items()
            if isinstance(value, str | bool)
        },
        tensor_float_32=(
            tf.config.experimental.tensor_float_32_execution_enabled()
        ),
        versions=versions.installed_versions(
            *("tensorflow", "keras", "keras-hub", "tensorflow-text", "numpy"),
        ),
        python=platform.python_version(),
        processor=_processor(),
        cores=cpu.count(),
        load=os.getloadavg()[0],
        environment={
            name: value
            for name, value in sorted(os.environ.items())
            if _VARIABLES.fullmatch(name)
        },
    )
    report.at("limits")
    limit = limits.measure()
    report.set(limits=limit, libraries=_libraries())
    for dtype in ("float32", "bfloat16"):
        flops = 2 * limit["side"] ** 3
        seconds = flops / limit[dtype]
        report.add(
            f"matmul {limit['side']}, {dtype}",
            seconds=seconds,
            device=seconds,
            idle=0.0,
            items=1,
            unit="products",
            flops=flops,
            limit=limit[dtype],
        )


def _processor() -> str:
    """Name of the processor, and the units that matter here."""
    path = pathlib.Path("/proc/cpuinfo")
    text = path.read_text("utf-8") if path.is_file() else ""
    name = re.search(r"model name\s*:\s*(.*)", text)
    units = [
        unit
        for unit in ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        if re.search(rf"\b{unit}\b", text)
    ]
    return f"{name[1] if name else platform.machine()} ({', '.join(units)})"


def _libraries() -> list[str]:
    """CUDA's libraries as this process has loaded them."""
    maps = pathlib.Path("/proc/self/maps")
    text = maps.read_text("utf-8") if maps.is_file() else ""
    return sorted({os.path.realpath(path) for path in _LIBRARIES.findall(text)})
