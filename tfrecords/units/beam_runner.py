"""Runs units by Apache Beam, on the engine that its flags name.

Imported by workers before they set their environment: TensorFlow and the
stages are imported when a worker opens a stage.
"""

import functools
import importlib
import logging
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import tqdm
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from tfrecords import process
from tfrecords.devices import DeviceOptions, use

if TYPE_CHECKING:
    from tfrecords.units.unit import Stage, Unit

NAMESPACE = "text_as_image"
# Runners that Beam does not know by their short names.
_FULL_NAMES = {
    "--runner=DaskRunner": "--runner=apache_beam.runners.dask.dask_runner."
    "DaskRunner"
}
_POLL = 2.0  # seconds between two looks at the marks
# One unit at a time per process: an encoder keeps all its cores busy.
_BUSY = threading.Lock()


def run(
    stage: "Stage[Any]",
    units: "Sequence[Unit]",
    flags: Sequence[str],
    progress: tqdm.tqdm,
) -> None:
    """Runs units as one pipeline; its results are their marks.

    Args:
        stage: The stage; workers open it again from its plan.
        units: The units.
        flags: Flags for Beam, which replace those of its runner on this
            machine.
        progress: Follows the marks.

    Raises:
        RuntimeError: If the engine fails: a worker died, say.
    """
    from tfrecords.units import shard_files

    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    kind = type(stage)
    run_units = _RunUnits(f"{kind.__module__}:{kind.__qualname__}", stage.plan)
    ended = threading.Event()

    def follow() -> None:
        waiting = list(units)
        while not ended.wait(_POLL):
            still = []
            for unit in waiting:
                if shard_files.finished(stage.directory / unit.file) is None:
                    still.append(unit)
                else:
                    progress.update(unit.size)
            waiting = still

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        with _pipeline(flags) as pipeline:
            _ = (
                pipeline
                | "units" >> beam.Create([astuple(unit) for unit in units])
                | "spread" >> beam.Reshuffle()
                | stage.name >> beam.ParDo(run_units)
            )
    except Exception as error:
        raise RuntimeError(
            f"Apache Beam did not finish {stage.name}: {error}. Finished files "
            "are kept: run the same command again to resume."
        ) from error
    finally:
        ended.set()
        follower.join()
    progress.update(progress.total - progress.n)


def _pipeline(flags: Sequence[str]) -> beam.Pipeline:
    """A pipeline on the engine that the flags name.

    Without `--runner`, it is Beam's FnApiRunner, with a process per core of
    this machine or as `--direct_num_workers` says: Beam's own choice would
    fetch a binary.
    """
    spelled = [_FULL_NAMES.get(flag, flag) for flag in flags]
    options = PipelineOptions(spelled, direct_num_workers=0)
    if any(flag.startswith("--runner") for flag in flags):
        return beam.Pipeline(options=options)
    worker = [sys.executable, "-m", "tfrecords.units.beam_worker"]
    environment = SubprocessSDKEnvironment.from_command_string(
        shlex.join(worker)
    )
    return beam.Pipeline(FnApiRunner(environment), options)


class _RunUnits(beam.DoFn):  # type: ignore[misc]
    """Runs each unit, unless another worker has finished it."""

    def __init__(self, kind: str, plan: str) -> None:
        self._kind = kind
        self._plan = plan

    def process(self, values: tuple[Any, ...]) -> Iterator[None]:
        """Leaves the file and mark of a unit; yields nothing."""
        with _BUSY:
            stage = _opened(self._kind, self._plan)
            from tfrecords.units.shard_files import finished
            from tfrecords.units.unit import Unit

            unit = Unit(*values)
            if not finished(stage.directory / unit.file):
                examples = Metrics.counter(NAMESPACE, stage.name)
                stage.write(unit, stage.read(unit), examples.inc).finish()
        yield from ()


@functools.lru_cache(maxsize=1)
def _opened(kind: str, plan: str) -> "Stage[Any]":
    """Opens a stage once per process; TensorFlow is imported here."""
    process.prepare()
    process.import_tensorflow(functools.partial(use, DeviceOptions()))
    module, name = kind.split(":")
    stage: Stage[Any] = getattr(importlib.import_module(module), name)
    return stage.open(plan)
