"""A learning curve: every method on every draw, each result a file."""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm
from absl import logging

from tfrecords import files, paths, reader
from tfrecords.config import RecordsConfig
from tfrecords.settings import fingerprint
from tfrecords.stages.images import SETTINGS
from trainers.config import TrainConfig
from trainers.experiments.curve_methods import CANDIDATES, METHODS
from trainers.experiments.drawn_texts import DrawnTexts, Texts
from trainers.experiments.draws import count_draws, draw
from trainers.runs import json_files
from trainers.training import loop, metrics

_KEYS = ("method", "size", "draw", "num_train", "accuracy", "right")
_LEAST_PROBABILITY = 1e-12


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a learning curve computes.

    Attributes:
        sizes: Train texts of a draw, ascending; 0: all.
        draws: Draws of each size at most, see `draws.count_draws`.
        per_class: Whether sizes are numbers of texts of each class.
        methods: Keys of `METHODS`.
        min_steps: Steps of a network's training at least.
        draw_seed: Seed of the draws.
    """

    sizes: tuple[int, ...]
    draws: int
    per_class: bool
    methods: tuple[str, ...]
    min_steps: int
    draw_seed: int


@dataclasses.dataclass(frozen=True)
class Unit:
    """One result: a method on a draw.

    Attributes:
        method: Key of `METHODS`.
        size: As in `Plan`; 0: all.
        draw: Number of the draw.
    """

    method: str
    size: int
    draw: int

    @property
    def name(self) -> str:
        """Name of its file."""
        size = f"{self.size:06d}" if self.size else "all"
        return f"{self.method}-{size}-draw{self.draw}.json"


def results_directory(
    workdir: pathlib.Path,
    plan: Plan,
    records: RecordsConfig,
    config: TrainConfig,
    corpus: str,
) -> pathlib.Path:
    """Names the directory of results after all that they depend on.

    Sizes, methods and the number of draws are no part of it: another command
    adds to the results.

    Args:
        workdir: Directory of the curve.
        plan: What is computed.
        records: Settings of the map.
        config: Settings of the network.
        corpus: Fingerprint of the `cls` records.
    """
    network = config.naming_settings
    for name in ("cache_gb", "image_records"):
        del network[name]
    settings = {
        "corpus": corpus,
        "map": {name: getattr(records, name) for name in SETTINGS},
        "network": network,
        "penalties": CANDIDATES,
        "min_steps": plan.min_steps,
        "draw_seed": plan.draw_seed,
        "per_class": plan.per_class,
    }
    return workdir / f"results-{fingerprint(settings)}"


def units(plan: Plan, labels: np.ndarray) -> Iterator[list[Unit]]:
    """Yields the units of each draw, small draws first.

    Sizes beyond the train split are left out, and all but one of those that
    are the same, as `all` and the size of the split.

    Args:
        plan: What is computed.
        labels: `(N,)` int, of the train split.
    """
    sizes = {_num_rows(plan, size, labels): size for size in plan.sizes}
    for num_rows, size in sorted(sizes.items()):
        if num_rows > len(labels):
            logging.info(
                "curve: no draws of %d of %d texts", num_rows, len(labels)
            )
            continue
        for number in range(count_draws(len(labels), num_rows, plan.draws)):
            methods = dict.fromkeys(plan.methods)
            yield [Unit(method, size, number) for method in methods]


def _num_rows(plan: Plan, size: int, labels: np.ndarray) -> int:
    if not size:
        return len(labels)
    return size * len(np.unique(labels)) if plan.per_class else size


def compute(
    directory: pathlib.Path,
    plan: Plan,
    records: RecordsConfig,
    config: TrainConfig,
    cls_dir: paths.Path,
) -> None:
    """Computes the results that do not exist yet.

    Args:
        directory: As `results_directory` names it.
        plan: What is computed.
        records: Settings of the map.
        config: Settings of the network; draw d adds d to its seed.
        cls_dir: Directory of the `cls` records.

    Raises:
        FloatingPointError: If the loss of a training is not finite.
        ValueError: If every size is beyond the train split.
    """
    train, validation = (
        Texts.read(cls_dir, split) for split in ("train", "validation")
    )
    names = reader.open_records(cls_dir, kind="cls").schema.label_names
    draws = list(units(plan, train.labels))
    if not draws:
        raise ValueError(
            "--sizes must name a size that the train split has, or all. "
            f"Received: {min(plan.sizes)} or more"
            f"{' of each class' if plan.per_class else ''}, of "
            f"{len(train.labels)} texts."
        )
    weight = {
        unit: _num_rows(plan, unit.size, train.labels) + len(validation.labels)
        for of_draw in draws
        for unit in of_draw
    }
    files.make_directory(directory, "workdir")
    left = {unit for unit in weight if not _is_done(directory / unit.name)}
    with (
        tqdm.tqdm(
            total=sum(weight.values()),
            initial=sum(weight[unit] for unit in weight.keys() - left),
            unit="text",
            desc="curve",
        ) as progress,
        loop.deterministic(),
    ):
        for of_draw in draws:
            missing = [unit for unit in of_draw if unit in left]
            if not missing:
                continue
            first = missing[0]
            rows = draw(
                train.labels,
                first.size or len(train.labels),
                seed=plan.draw_seed,
                number=first.draw,
                per_class=plan.per_class,
            )
            drawn = DrawnTexts(
                train.take(rows),
                validation,
                len(names),
                records,
                dataclasses.replace(config, seed=config.seed + first.draw),
            )
            for unit in missing:
                progress.set_postfix_str(f"{unit.method}, {len(rows)}")
                result = _result(unit, drawn, plan.min_steps)
                json_files.write_checked(directory / unit.name, result)
                progress.update(weight[unit])


def _result(unit: Unit, drawn: DrawnTexts, min_steps: int) -> dict[str, Any]:
    probabilities, penalty = METHODS[unit.method](drawn, min_steps)
    labels = drawn.validation.labels
    logits = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    right = probabilities.argmax(axis=1) == labels
    return {
        **dataclasses.asdict(unit),
        "num_train": len(drawn.train.labels),
        **metrics.figures_of(logits, labels),
        "penalty": penalty,
        "right": "".join("01"[each] for each in right.astype(int)),
    }


def _is_done(path: pathlib.Path) -> bool:
    if not path.is_file():
        return False
    try:
        json_files.read(path, _KEYS, cure="It is made again.")
    except ValueError as error:
        logging.warning("curve: %s", error)
        return False
    return True


def read_results(
    directory: pathlib.Path,
) -> dict[int, dict[str, Sequence[Mapping[str, Any]]]]:
    """Reads all results, also those of earlier commands.

    Returns:
        Size in train texts, ascending, to method, in the order of `METHODS`,
        to the results of its draws, in their order.
    """
    cure = "Delete it and run the same command again."
    results = [
        json_files.read(path, _KEYS, cure=cure)
        for path in sorted(directory.glob("*.json"))
    ]
    grouped: dict[int, dict[str, Sequence[Mapping[str, Any]]]] = {}
    for size in sorted({result["num_train"] for result in results}):
        of_size = [each for each in results if each["num_train"] == size]
        grouped[size] = {
            method: _of_method(of_size, method)
            for method in METHODS
            if _of_method(of_size, method)
        }
    return grouped


def _of_method(
    results: Iterable[Mapping[str, Any]], method: str
) -> Sequence[Mapping[str, Any]]:
    # A draw of all texts may have two files: of `all` and of their number.
    by_draw = {
        result["draw"]: result
        for result in results
        if result["method"] == method
    }
    return [by_draw[number] for number in sorted(by_draw)]
