"""Class vectors from the command line.

    python -m trainers.im2vec --dataset=cifar10 --data_dir=TFDS_DIR

Images to a trained network to class vectors to a report; the same command
again reuses everything.
"""

import pathlib
import shlex
import time

from absl import app, logging
from absl import flags as absl_flags

from tfrecords import command_line
from trainers.im2vec.config import Im2VecConfig

_WORKDIR = absl_flags.DEFINE_string(
    "workdir",
    None,
    "The run's own directory. Default: runs/im2vec- and a name made of the "
    "dataset and a fingerprint of the settings.",
)
_TRAINING = (
    "hidden",
    "epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "milestones",
    "lr_factor",
    "normalization",
    "double_softmax",
    "num_seeds",
)


def main(arguments: list[str]) -> None:
    """Fills the settings from flags and runs."""
    if len(arguments) > 1:
        raise app.UsageError(
            f"Expected flags only. Received: {shlex.join(arguments[1:])}"
        )
    start = time.monotonic()
    try:
        config = command_line.settings_from_flags(Im2VecConfig, {})
        _refuse_ignored_flags(config)
        from trainers.im2vec import experiment

        workdir = pathlib.Path(
            _WORKDIR.value or experiment.default_workdir(config)
        )
        metrics = experiment.run(config, workdir)
    except command_line.MENDABLE as error:
        command_line.fail(error)
    network = metrics["networks"][0]
    logging.info(
        "%s: accuracy %.4f, condition number of W2 %.3g; %.0f s; see %s",
        metrics["dataset"],
        network["accuracy"],
        network["condition_number"],
        time.monotonic() - start,
        workdir / "report.md",
    )


def _refuse_ignored_flags(config: Im2VecConfig) -> None:
    """Refuses typed flags that another setting leaves without effect."""
    for names, is_ignored, because in (
        (
            (*_TRAINING, "classes", "superclass"),
            bool(config.classifier),
            "--classifier names finished runs, with classes of their own",
        ),
        (
            ("ridge",),
            config.inverse != "ridge",
            f"--inverse={config.inverse} has no ridge",
        ),
        (
            ("data_dir", "download"),
            pathlib.Path(config.dataset).is_dir(),
            f"--dataset={config.dataset} is a directory",
        ),
    ):
        if is_ignored:
            command_line.refuse_typed(names, because)


if __name__ == "__main__":
    command_line.prepare_process()
    command_line.define_flags(Im2VecConfig)
    app.run(main)
