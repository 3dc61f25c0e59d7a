"""Flags of a run that have no effect because of another setting."""

import dataclasses
from collections.abc import Sequence

from text2image.corpora import row_sources
from tfrecords import command_line, stacks_flags
from tfrecords.config import RecordsConfig
from tfrecords.stages import map_checks
from trainers import group_options
from trainers.config import TrainConfig
from trainers.tuning.config import TuneConfig
from trainers.voting import members


def of_run(
    train: TrainConfig,
    records: RecordsConfig,
    maps: str,
    runs: Sequence[members.Member],
) -> list[command_line.Rule]:
    """Flags that have no effect because of another setting."""
    all_records = [field.name for field in dataclasses.fields(RecordsConfig)]
    tsne = ("metric", "perplexity", *(n for n in all_records if "tsne" in n))
    is_path = row_sources.is_path(records.dataset)
    return [
        (
            all_records,
            bool(train.image_records),
            "--image_records names finished records",
        ),
        (
            map_checks.MAP_SETTINGS,
            bool(train.from_run),
            "--from_run draws with the map of that run",
        ),
        *stacks_flags.ignored(records),
        *group_options.ignored(
            records, train.image_records and "--image_records", len(runs)
        ),
        (
            ("layers",),
            records.pooling == "first_last",
            "--pooling=first_last has layers of its own",
        ),
        (
            ("maps",),
            bool(train.image_records),
            "--image_records names images of one map",
        ),
        (("projection",), not maps.isdecimal(), f"--maps={maps} names others"),
        (
            tsne,
            all(run.records.projection != "tsne" for run in runs),
            f"--projection={records.projection} has no use for it",
        ),
        (
            ("map_seed",),
            not any(map_checks.is_seeded(run.records) for run in runs),
            "nothing about this map is drawn at random",
        ),
        (
            ("reconstruction_weight", "bottleneck", "autoencoder_lr"),
            train.autoencoder == "linear",
            "--autoencoder=linear is solved for, not trained",
        ),
        (
            ("slice_lr",),
            not train.trainable_slice,
            "the slice is frozen without --trainable_slice",
        ),
        (
            ("reconstruction_weight", "bottleneck", "dropout", "l2"),
            train.autoencoder == "paper",
            "--autoencoder=paper has its own values",
        ),
        (
            ("data_dir", "download"),
            is_path or records.dataset == "demo",
            f"--dataset={records.dataset} is not a TFDS name",
        ),
    ]


def of_tuning(
    tune: TuneConfig, image_records: str, records: RecordsConfig
) -> list[command_line.Rule]:
    """Flags of the tuning that have no effect because of another setting."""
    names = [field.name for field in dataclasses.fields(TuneConfig)]
    return [
        (names, bool(image_records), "--image_records names records"),
        (names, bool(records.stacks), "--stacks names finished vectors"),
        (names[1:], not tune.tune_encoder, "--tune_encoder is 0"),
    ]
