r"""Every choice of modalities, on every backbone, with every seed.

    python -m trainers.multimodal.table --backbones=resnet50v2,mobilenetv2 \
        --dataset=products.jsonl --seeds=3 --workdir=OUT

Each cell is a run of its own under the workdir; finished ones are read, so a
killed table goes on where it stopped. Writes `report.md` with its pictures.
"""

import pathlib

from absl import app, logging
from absl import flags as absl_flags

from tfrecords import command_line
from trainers.multimodal import config as train_config
from trainers.multimodal import plan as cells_lib
from trainers.multimodal import run


def main(arguments: list[str]) -> None:
    """Trains what is missing and writes the report."""
    if len(arguments) > 1:
        raise app.UsageError(f"Expected flags only. Received: {arguments[1:]}")
    values = absl_flags.FLAGS
    try:
        backbones = parse_backbones(values.backbones)
        if not values.workdir:
            raise ValueError("--workdir must name the table's own directory.")
        config = run.settings()
        _make(config, backbones, values.seeds, pathlib.Path(values.workdir))
    except command_line.MENDABLE as error:
        command_line.fail(error)


def parse_backbones(text: str) -> list[str]:
    """Reads `--backbones`.

    Raises:
        ValueError: If one is unknown or named twice.
    """
    names = text.split(",")
    known = tuple(train_config.BACKBONES)
    if set(names) - set(known) or len(set(names)) < len(names):
        raise ValueError(
            f"--backbones must be some of {','.join(known)}, each once. "
            f"Received: {text!r}"
        )
    return names


def _make(
    config: train_config.MultimodalTrainConfig,
    backbones: list[str],
    seeds: int,
    workdir: pathlib.Path,
) -> None:
    from tfrecords import reader
    from trainers.multimodal import report, split_inputs, train

    manifest = reader.open_records(config.records, kind="multimodal")
    cells = cells_lib.plan(
        config, backbones, seeds, cells_lib.present_modalities(manifest)
    )
    runs = [(cell, settings) for cell in cells for settings in cell.runs]
    # One after the other, those of the same frozen layers; single
    # modalities and all together before what lies between.
    ends = {*train_config.MODALITIES, cells[-1].modalities}
    runs.sort(
        key=lambda pair: (
            pair[0].backbone,
            pair[1].seed,
            pair[0].modalities not in ends,
        )
    )
    memo = split_inputs.Memo()
    for number, (cell, settings) in enumerate(runs, start=1):
        logging.info(
            "run %d of %d: %s, seed %d",
            number,
            len(runs),
            cell.name,
            settings.seed,
        )
        directory = workdir / cell.name / f"seed{settings.seed}"
        train.train_and_evaluate(settings, directory, memo)
    path = report.write_report(workdir, cells, config)
    logging.info("table: see %s", path)


if __name__ == "__main__":
    command_line.prepare_process()
    absl_flags.DEFINE_string(
        "backbones", "resnet50v2,mobilenetv2", "Image towers, by commas."
    )
    absl_flags.DEFINE_integer("seeds", 1, "Runs of a cell.", lower_bound=1)
    absl_flags.DEFINE_string("workdir", None, "The table's own directory.")
    # The table makes every choice of these.
    run.define_flags(without=("backbone", "modalities", "modality_dropout"))
    app.run(main)
