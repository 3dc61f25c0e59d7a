"""Images to a trained network, its class vectors and a report.

    python -m trainers.im2vec --dataset=cifar10 --data_dir=TFDS_DIR

The same command again reuses everything.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line
from tfrecords.devices import DeviceOptions
from tfrecords.manifest_files import MANIFEST
from tfrecords.settings import setting
from trainers.im2vec.config import Im2VecConfig, default_workdir

# What finished runs leave without effect.
_TRAINING = (
    *("hidden", "depth", "augment", "epochs", "batch_size", "learning_rate"),
    *("momentum", "weight_decay", "milestones", "lr_factor", "normalization"),
    *("double_softmax", "num_seeds", "classes", "superclass", "image_key"),
    "label_key",
)


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What the command needs in addition to the settings of the run."""

    workdir: str = setting(
        "",
        "Directory of the run. By default runs/im2vec-, the name of the "
        "dataset and a fingerprint of the settings.",
        group="common",
    )


PROGRAM = command_line.Program(
    "trainers.im2vec",
    __doc__,
    settings=(RunOptions, Im2VecConfig, DeviceOptions),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Trains what is missing, computes the class vectors and reports."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    config = arguments.settings(Im2VecConfig)
    arguments.refuse_ignored(_ignored_flags(config))


def _ignored_flags(config: Im2VecConfig) -> list[command_line.Rule]:
    """Flags that have no effect because of another setting."""
    return [
        (
            _TRAINING,
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
        (
            ("image_key", "label_key"),
            (pathlib.Path(config.dataset) / MANIFEST).is_file(),
            f"--dataset={config.dataset} is of image records",
        ),
    ]


def _run(arguments: command_line.Arguments) -> None:
    from trainers.im2vec import experiment
    from trainers.runs.workdir import REPORT_FILE

    start = time.monotonic()
    config = arguments.settings(Im2VecConfig)
    options = arguments.settings(RunOptions)
    workdir = pathlib.Path(options.workdir or default_workdir(config))
    metrics = experiment.run(config, workdir)
    network = metrics["networks"][0]
    logging.info(
        "%s: accuracy %.4f, condition number of W2 %.3g; %.0f s; see %s",
        metrics["dataset"],
        network["accuracy"],
        network["condition_number"],
        time.monotonic() - start,
        workdir / REPORT_FILE,
    )


if __name__ == "__main__":
    sys.exit(main())
