"""The paper's table on one set of records: backbones, seeds, ablations.

    python -m trainers.table --preset=imdb --seeds=3

Every training is a directory of its own under --workdir and is not repeated;
the same command goes on where it stopped.
"""

import dataclasses
import pathlib
import sys
from typing import Any

from absl import flags as absl_flags
from absl import logging

from tfrecords import command_line
from tfrecords import config as records_config
from trainers import backbones, command
from trainers import config as train_config
from trainers.experiments import plan as cells

_PRESET = absl_flags.DEFINE_enum(
    "preset",
    "imdb",
    list(train_config.PRESETS),
    "Named settings of the base, which any other flag overrides.",
)
_WORKDIR = absl_flags.DEFINE_string(
    "workdir", "runs/table", "Where trainings and reports go."
)
_BACKBONES = absl_flags.DEFINE_list(
    "backbones", list(backbones.BACKBONES), "Rows of Table I."
)
_SEEDS = absl_flags.DEFINE_integer(
    "seeds", 3, "Trainings of each backbone.", lower_bound=1
)
_ABLATED = absl_flags.DEFINE_string(
    "ablated", "resnet", "Backbone of the ablations; empty for none."
)
_ABLATIONS = absl_flags.DEFINE_list(
    "ablations",
    list(cells.ABLATIONS),
    "Which questions the ablations ask, comma-separated.",
)
_ABLATION_SEEDS = absl_flags.DEFINE_integer(
    "ablation_seeds", 1, "Trainings of each ablation.", lower_bound=1
)
_WEIGHTS_FOR = absl_flags.DEFINE_multi_string(
    "weights_for",
    [],
    "NAME=SOURCE: one backbone's --weights. May be given several times.",
)
_DRY_RUN = absl_flags.DEFINE_boolean(
    "dry_run", False, "Print the plan and an estimate of its time, and stop."
)


def main(arguments: list[str]) -> None:
    """Plans, trains what is missing, reports."""
    try:
        # `seed` is the base's first.
        train, records = command.settings(arguments, _PRESET.value)
        for name in (*_BACKBONES.value, *filter(None, [_ABLATED.value])):
            backbones.get_backbone(name)
        for name in _ABLATIONS.value:
            if name not in cells.ABLATIONS:
                raise ValueError(
                    f"--ablations must be among {list(cells.ABLATIONS)}. "
                    f"Received: {name!r}"
                )
        if _DRY_RUN.value:
            _print_plan(_plan(records, train, ()))
        else:
            _run(records, train)
    except command_line.MENDABLE as error:
        command_line.fail(error)


def _plan(
    records: records_config.RecordsConfig,
    train: train_config.TrainConfig,
    layers: tuple[int, ...],
) -> list[cells.Cell]:
    from trainers.weights import readers

    readers.check_source(train.weights)
    weights = {}
    for pair in _WEIGHTS_FOR.value:
        name, separator, source = pair.partition("=")
        backbones.get_backbone(name)
        if not separator or not source:
            raise ValueError(
                f"--weights_for must be NAME=SOURCE. Received: {pair!r}"
            )
        readers.check_source(source)
        weights[name] = source
    return cells.plan(
        records,
        train,
        backbones=tuple(_BACKBONES.value),
        seeds=_SEEDS.value,
        ablated=_ABLATED.value,
        ablations=_ABLATIONS.value,
        ablation_seeds=_ABLATION_SEEDS.value,
        weights=weights,
        layers=layers,
    )


def _print_plan(plan: list[cells.Cell]) -> None:
    """The plan on standard output: it is what --dry_run was asked for."""
    from trainers.experiments import estimate

    workdir = pathlib.Path(_WORKDIR.value)
    unique = {cell.directory: cell for cell in plan}
    seconds = estimate.estimate(list(unique.values()), workdir)
    total = 0.0
    for cell in plan:
        first = unique.pop(cell.directory, None)
        if first is None:
            note = "the same training as above"
        elif is_finished(workdir, cell):
            note = "finished"
        else:
            total += seconds[cell.directory]
            note = f"about {seconds[cell.directory]:,.0f} s"
        line = f"{cell.group}: {cell.row}, seed {cell.train.seed}: {note}\n"
        sys.stdout.write(line)
    sys.stdout.write(
        f"To do: about {total / 60:,.0f} minutes of training on this machine, "
        "measured by one batch each, for 40,000 train and 10,000 validation "
        "texts where --limit_* names no number; making records comes on top, "
        "and the row of lower layers, if asked for: they are counted when the "
        "encoder is loaded.\n"
    )


def is_finished(workdir: pathlib.Path, cell: cells.Cell) -> bool:
    """Whether a cell's training stands already."""
    return (workdir / "cells" / cell.directory / "metrics.json").is_file()


def _run(
    records: records_config.RecordsConfig, train: train_config.TrainConfig
) -> None:
    _plan(records, train, ())  # refuses what it must before any long work
    from tfrecords import build, reader
    from trainers.reports import table_report

    workdir = pathlib.Path(_WORKDIR.value)
    cls_dir, image_dir = build.prepare_records(records)
    layers = tuple(reader.open_records(cls_dir).details["layers"])
    plan = _plan(records, train, layers)
    # A training of several groups counts as the first's: a backbone's row.
    unique = list({c.directory: c for c in reversed(plan)}.values())[::-1]
    failures = _train_all(unique, {records: image_dir}, workdir)
    # Maps that depend on their batch are none of their picture's own.
    first = [
        cell
        for cell in unique
        if cell.group == "backbones"
        and cell.train.seed == train.seed
        and cell.train.has_constant_maps
        and cell.directory not in failures
    ]
    on_maps: dict[str, dict[str, Any]] = {}
    for cell in first:
        try:
            on_maps[cell.row] = _regression_on_maps(cell, image_dir, workdir)
        except command_line.MENDABLE as error:
            logging.error("table: no regression on maps: %s", error)
            failures[f"maps of {cell.row}"] = str(error)
    path = table_report.write_table(
        workdir,
        plan,
        failures,
        on_maps=on_maps,
        cls_dir=cls_dir,
        image_dir=image_dir,
    )
    logging.info("table: see %s", path)
    if failures:
        raise RuntimeError(
            f"{len(failures)} of {len(unique)} trainings and their baselines "
            "failed; the report says which. The same command tries them "
            "again."
        )


def _train_all(
    unique: list[cells.Cell],
    made: dict[records_config.RecordsConfig, pathlib.Path],
    workdir: pathlib.Path,
) -> dict[str, str]:
    """Trains what is missing; of what fails, directory to message.

    Args:
        unique: Every training once.
        made: Image records that stand already; gets those made on the way.
        workdir: The table's.
    """
    from tfrecords import build
    from trainers.training import feature_cache

    failures: dict[str, str] = {}
    for number, cell in enumerate(unique, start=1):
        logging.info(
            "table: %d of %d, %s: %s, seed %d",
            number,
            len(unique),
            cell.group,
            cell.row,
            cell.train.seed,
        )
        try:
            if cell.records not in made:
                made[cell.records] = build.prepare_records(cell.records)[1]
            _train(cell, made[cell.records], workdir)
        except KeyboardInterrupt:
            raise
        except command_line.MENDABLE as error:
            # One row that cannot be had must not cost the others.
            logging.error("table: not trained: %s", error)
            failures[cell.directory] = str(error)
    feature_cache.clear(workdir / "frozen_maps")
    return failures


def _regression_on_maps(
    cell: cells.Cell, image_dir: pathlib.Path, workdir: pathlib.Path
) -> dict[str, Any]:
    """What a linear classifier makes of the maps of a cell's slice.

    Kept by slice and records: other trainings behind it find it again.
    """
    from tfrecords import reader
    from trainers.experiments import baselines
    from trainers.network import model
    from trainers.training import feature_cache, frozen_half

    manifest = reader.open_records(image_dir, kind="image")
    # The maps themselves, not a code that is solved for behind them.
    config = dataclasses.replace(
        cell.train, image_records=str(image_dir), autoencoder="symmetric"
    )
    models = model.build_models(
        config, manifest.schema.shape, len(manifest.schema.label_names)
    )
    key = frozen_half.key(config, manifest, models.features)
    path = workdir / "maps" / f"{cell.train.backbone}-{key[:12]}.json"
    if found := baselines.kept(path, manifest.fingerprint):
        return found
    path.parent.mkdir(exist_ok=True)
    scratch = workdir / "maps" / "frozen_maps"
    try:
        maps = frozen_half.prepare(config, manifest, models, scratch)
        return baselines.frozen_maps(maps, path, manifest.fingerprint)
    finally:
        feature_cache.clear(scratch)


def _train(
    cell: cells.Cell, image_dir: pathlib.Path, workdir: pathlib.Path
) -> None:
    """Trains one cell; a finished one is checked to be of these records."""
    import keras

    from trainers.training import train

    config = dataclasses.replace(cell.train, image_records=str(image_dir))
    directory = workdir / "cells" / cell.directory
    keras.backend.clear_session()
    train.train_and_evaluate(
        config, directory, shared_maps=workdir / "frozen_maps"
    )


if __name__ == "__main__":
    command.start(main, without=("backbone", "image_records"))
