"""Runs one stage: python -m benchmarks.gpu_stages STAGE FILE SECONDS DEVICE."""

import importlib
import os
import pathlib
import sys
import traceback

from absl import logging

from benchmarks.gpu_stages import STAGES
from benchmarks.gpu_stages.report import LogLines, Report
from tfrecords import devices, process


def main() -> int:
    """Runs the stage; an error goes into its report."""
    stage, path, seconds, device = sys.argv[1:]
    process.prepare()
    report = Report(pathlib.Path(path), float(seconds))
    logging.get_absl_logger().addHandler(LogLines(report))
    report.at("start of TensorFlow")
    try:
        entry = STAGES[stage]
        devices.use(devices.DeviceOptions(device))
        from benchmarks.gpu_stages import activity
        from text2image import devices as visible

        gpu = activity.find_gpu() if visible.has_gpu() else None
        run = getattr(importlib.import_module(entry.module), entry.function)
        report.set(start=report.elapsed())
        run(report, activity.Meter(gpu))
    except Exception:
        report.set(error=traceback.format_exc())
        return 1
    report.set(elapsed=report.elapsed())
    return 0


if __name__ == "__main__":
    # Threads of a stage that failed must not keep its process.
    code = main()
    sys.stderr.flush()
    os._exit(code)
