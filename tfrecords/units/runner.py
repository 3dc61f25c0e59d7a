"""Runs the units of a stage that are not finished, on one engine or another."""

import dataclasses
import importlib
from collections.abc import Iterator, Sequence
from concurrent import futures
from typing import Any

import tqdm
from absl import logging

from tfrecords.units import shard_files
from tfrecords.units.unit import Product, Stage, Unit

# Runners need what only an extra installs: imported when they are chosen.
_ENGINES = {"beam": "tfrecords.units.beam_runner"}


@dataclasses.dataclass(frozen=True)
class Runner:
    """What runs units.

    Attributes:
        name: `local`: this process, one unit after another. `beam`: Apache
            Beam.
        flags: Flags for Beam's pipelines.
    """

    name: str = "local"
    flags: tuple[str, ...] = ()


LOCAL = Runner()


def run(
    stage: Stage[Any], units: Sequence[Unit], runner: Runner
) -> Iterator[shard_files.Mark]:
    """Runs a stage; what an earlier build finished is not done again.

    Args:
        stage: The stage.
        units: Its units, in order.
        runner: What runs them.

    Returns:
        The marks of the units' files, in order.

    Raises:
        RuntimeError: If the engine ended and a unit has no mark.
    """
    remaining = _unfinished(stage, units)
    if len(remaining) < len(units):
        logging.info(
            "%s: resuming after %d finished files",
            stage.name,
            len(units) - len(remaining),
        )
    total = sum(unit.size for unit in units)
    to_do = sum(unit.size for unit in remaining)
    with tqdm.tqdm(
        total=total, initial=total - to_do, unit=stage.noun, desc=stage.name
    ) as progress:
        if remaining and runner.name == "local":
            _run_here(stage, remaining, progress)
        elif remaining:
            engine = importlib.import_module(_ENGINES[runner.name])
            engine.run(stage, remaining, runner.flags, progress)
    lacking = _unfinished(stage, remaining)
    if lacking:
        raise RuntimeError(
            f"Every unit of {stage.name} must leave a file. {len(lacking)} of "
            f"{len(units)} are missing, first {lacking[0].file}: see the log "
            "of the engine, and run the same command again: finished files "
            "are kept."
        )
    return _marks(stage, units)


def _marks(
    stage: Stage[Any], units: Sequence[Unit]
) -> Iterator[shard_files.Mark]:
    marks = shard_files.read_marks(
        stage.directory, (unit.file for unit in units)
    )
    for unit, mark in zip(units, marks, strict=True):
        if mark is None:
            raise RuntimeError(f"{unit.file} has gone. Build again.")
        yield mark


def _unfinished(stage: Stage[Any], units: Sequence[Unit]) -> list[Unit]:
    marks = shard_files.read_marks(
        stage.directory, (unit.file for unit in units)
    )
    return [
        unit for unit, mark in zip(units, marks, strict=True) if mark is None
    ]


def _run_here(
    stage: Stage[Any], units: Sequence[Unit], progress: tqdm.tqdm
) -> None:
    """Runs units in a loop: reads one ahead, syncs and marks one behind."""
    with (
        futures.ThreadPoolExecutor(1) as reading,
        futures.ThreadPoolExecutor(1) as finishing,
    ):
        following = reading.submit(stage.read, units[0])
        finished: futures.Future[None] | None = None
        for unit, after in zip(units, [*units[1:], None], strict=True):
            content = following.result()
            if after is not None:
                following = reading.submit(stage.read, after)
            product: Product = stage.write(unit, content, progress.update)
            if finished is not None:
                finished.result()
            finished = finishing.submit(product.finish)
        if finished is not None:
            finished.result()
