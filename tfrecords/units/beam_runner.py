"""Runs units by Apache Beam, on the engine that its flags name.

Imported by workers before they set their environment: TensorFlow and the
stages are imported when a worker opens a stage.
"""

import functools
import importlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import tqdm
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from tfrecords import process
from tfrecords.devices import DeviceOptions, use
from tfrecords.units import beam_processes

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

    def build(pipeline: beam.Pipeline) -> beam.Pipeline:
        _ = (
            pipeline
            | "units" >> beam.Create([astuple(unit) for unit in units])
            | "spread" >> beam.Reshuffle()
            | stage.name >> beam.ParDo(run_units)
        )
        return pipeline

    try:
        _run(build, [_FULL_NAMES.get(flag, flag) for flag in flags])
    except Exception as error:
        raise RuntimeError(
            f"Apache Beam did not finish {stage.name}: {error}. Finished files "
            "are kept: run the same command again to resume."
        ) from error
    finally:
        ended.set()
        follower.join()
    progress.update(progress.total - progress.n)


def _run(
    build: Callable[[beam.Pipeline], beam.Pipeline], flags: list[str]
) -> None:
    """Runs a pipeline on the engine that the flags name.

    Without `--runner`, on a process per core of this machine, or as many as
    `--direct_num_workers` says.
    """
    options = PipelineOptions(flags, direct_num_workers=0)
    if any(flag.startswith("--runner") for flag in flags):
        build(beam.Pipeline(options=options)).run().wait_until_finish()
        return
    with beam_processes.runner() as runner:
        pipeline = build(beam.Pipeline(runner, options))
        beam_processes.wait(lambda: pipeline.run().wait_until_finish())


class _RunUnits(beam.DoFn):
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
