"""What a table trains: every backbone, and every ablation one flag away."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tfrecords.config import RecordsConfig, without_added_later
from tfrecords.settings import fingerprint
from trainers.config import TrainConfig

# The flags of a row that differ from the base's, or a function of the base's
# layers, ascending, that returns them, or `None` where there is no such row.
Changes = (
    Mapping[str, Any] | Callable[[Sequence[int]], Mapping[str, Any] | None]
)

Settings = TypeVar("Settings", RecordsConfig, TrainConfig)

# With bins, as one channel may have fewer pixels than features.
_GREY = {"channels": "grey", "assignment": "bin"}


def one_layer_lower(layers: Sequence[int]) -> Mapping[str, Any] | None:
    """Returns the slip of the published code: layers 6-11 of 12, not 7-12.

    There is no layer below 0: from there up it is one layer fewer; of layer 0
    alone there is no such row.
    """
    if layers[-1] == 0:
        return None
    return {"layers": f"{max(layers[0] - 1, 0)}-{layers[-1] - 1}", **_GREY}


_MOST_ALONE = 6


def _alone(number: int) -> Changes:
    """Returns the changes of a row with one of the layers, from 0."""

    def change(layers: Sequence[int]) -> Mapping[str, Any] | None:
        if number >= len(layers):
            return None
        return {"layers": f"{layers[number]}-{layers[number]}", **_GREY}

    return change


# Group -> row -> changes.
ABLATIONS: dict[str, dict[str, Changes]] = {
    "filters": {
        "as given": {},
        "CIFAR-10": {"weights": "cifar10"},
        "random": {"weights": "random"},
    },
    "layout": {
        "fitted": {"layout": "fitted"},
        "shuffled over the same pixels": {"layout": "shuffled"},
    },
    "projection": {
        "t-SNE": {"projection": "tsne"},
        "PCA": {"projection": "pca"},
        "kernel PCA": {"projection": "kernel_pca"},
        "random positions": {"projection": "random"},
    },
    "assignment": {
        "a pixel each (linear sum assignment)": {"assignment": "lsa"},
        "bins": {"assignment": "bin"},
        "bins, empty pixels filled by the nearest": {
            "assignment": "bin",
            "fill": "nearest",
        },
    },
    "clean": {
        "as they are": {"clean": "none"},
        "without tags and entities": {"clean": "html"},
        "without URLs and capitals too": {"clean": "basic"},
    },
    "split": {
        "as given": {},
        "another draw": {"split_seed": 1},
        "a third draw": {"split_seed": 2},
    },
    "scaling": {
        "norm-1": {"scaler": "norm1"},
        "norm-2": {"scaler": "norm2"},
        "standardised": {"scaler": "standard"},
    },
    "upsampling": {
        "2x (6x where the slice's stride is 8)": {"upsample": 0},
        "1x": {"upsample": 1},
        "3x": {"upsample": 3},
    },
    "channels": {
        "three, a third of the layers each": {"channels": "layers"},
        "grey, bins": _GREY,
    },
    "layers": {
        "as encoded, grey, bins": _GREY,
        "one layer lower, grey, bins": one_layer_lower,
        "last only, grey, bins": {"layers": "last1", **_GREY},
    },
    "layer": {
        "as encoded, grey, bins": _GREY,
        "all, grey, bins": {"layers": "all", **_GREY},
        **{
            f"number {number + 1} alone, grey, bins": _alone(number)
            for number in range(_MOST_ALONE)
        },
    },
    "slice_depth": {
        "as the paper": {"slice_depth": 0},
        "halfway": {"slice_depth": 2},
        "first stage": {"slice_depth": 1},
    },
    "slice": {
        "frozen": {"trainable_slice": False},
        "tuned": {"trainable_slice": True},
        # At the rate of all else that starts at random.
        "trained from scratch": {
            "trainable_slice": True,
            "weights": "random",
            "slice_lr": 1e-3,
        },
    },
    "learning_rate": {
        "1e-3": {"head_lr": 0.0, "autoencoder_lr": 0.0},
        **{
            f"{rate:g}": {"head_lr": rate, "autoencoder_lr": rate}
            for rate in (1e-4, 3e-3, 1e-2, 3e-2, 1e-1)
        },
    },
    "contrast": {"0.1": {"contrast": 0.1}, "1": {"contrast": 1.0}},
    "normalization": {
        "per image": {"normalization": "image"},
        "per batch": {"normalization": "batch"},
        "of the data set": {"normalization": "dataset"},
        "none": {"normalization": "none"},
    },
    "autoencoder": {
        "linear": {"autoencoder": "linear"},
        "symmetric, reconstruction 0.1": {
            "autoencoder": "symmetric",
            "reconstruction_weight": 0.1,
        },
        "symmetric, reconstruction 0": {
            "autoencoder": "symmetric",
            "reconstruction_weight": 0.0,
        },
        "paper": {"autoencoder": "paper", "lr_schedule": "constant"},
    },
    "batch_norm": {
        "inference": {"slice_batch_norm": "inference"},
        "training": {"slice_batch_norm": "training"},
    },
}

# Rows of these have other validation texts: no test of pairs.
UNPAIRED = ("split",)
# These encode the texts anew for a row, or train on images: only by name.
_ON_REQUEST = ("clean", "split", "slice")
DEFAULT_ABLATIONS = tuple(name for name in ABLATIONS if name not in _ON_REQUEST)


@dataclasses.dataclass(frozen=True)
class Training:
    """One training: a row and a seed.

    Attributes:
        records: Settings of its records.
        train: Settings of the training; its seed is `train.seed`.
    """

    records: RecordsConfig
    train: TrainConfig

    @property
    def name(self) -> str:
        """Name of its directory; equal settings have one name."""
        settings = {
            **dataclasses.asdict(self.records),
            **self.train.naming_settings,
        }
        for name in ("records_dir", "data_dir", "download", "cache_gb"):
            del settings[name]  # these change no result
        settings = without_added_later(settings)
        return (
            f"{self.train.backbone}-seed{self.train.seed}-"
            f"{fingerprint(settings)}"
        )

    def path(self, workdir: pathlib.Path) -> pathlib.Path:
        """Returns its directory below that of the table."""
        return workdir / "cells" / self.name


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        group: Key of `ABLATIONS`, or `backbones`.
        name: Name of the row within its group.
        trainings: One per seed.
        is_base: Whether its settings are the base's.
    """

    group: str
    name: str
    trainings: tuple[Training, ...]
    is_base: bool


def plan(
    records: RecordsConfig,
    train: TrainConfig,
    *,
    backbones: tuple[str, ...],
    seeds: int,
    ablated: str,
    ablations: Sequence[str] = DEFAULT_ABLATIONS,
    ablation_seeds: int,
    weights: Mapping[str, str],
    layers: Sequence[int],
) -> list[Row]:
    """Lists the rows of a table.

    Args:
        records: The base's settings of records.
        train: The base's settings of trainings; the backbone is replaced.
        backbones: Rows of Table I.
        seeds: Trainings per backbone; the first seed is `train.seed`.
        ablated: Backbone of the ablations; empty for none.
        ablations: Groups of `ABLATIONS`.
        ablation_seeds: Trainings per ablation.
        weights: Backbone to its weights, if they differ from the base's.
        layers: The base's layers, ascending; empty if they are not known yet.
            The row with lower layers is then left out.

    Returns:
        Rows in the order in which they are trained. A training may occur in
        several rows.
    """

    def base(backbone: str, seeds: int) -> tuple[Training, ...]:
        first = dataclasses.replace(
            train,
            backbone=backbone,
            weights=weights.get(backbone, train.weights),
        )
        return tuple(
            Training(
                records, dataclasses.replace(first, seed=first.seed + number)
            )
            for number in range(seeds)
        )

    rows = [
        Row("backbones", name, base(name, seeds), is_base=True)
        for name in backbones
    ]
    if not ablated:
        return rows
    unchanged = base(ablated, ablation_seeds)
    for group in ablations:
        for name, changes in ABLATIONS[group].items():
            if callable(changes):
                of_layers = changes(layers) if layers else None
                if of_layers is None:
                    continue
                changes = of_layers
            trainings = tuple(_change(each, changes) for each in unchanged)
            rows.append(Row(group, name, trainings, trainings == unchanged))
    return rows


def unique_trainings(rows: Sequence[Row]) -> dict[str, tuple[Row, Training]]:
    """Returns the name of every training, with the first row that has it."""
    unique: dict[str, tuple[Row, Training]] = {}
    for row in rows:
        for training in row.trainings:
            unique.setdefault(training.name, (row, training))
    return unique


def _change(training: Training, changes: Mapping[str, Any]) -> Training:
    """Changes some settings of the records or the training."""
    return Training(
        _replace(training.records, changes), _replace(training.train, changes)
    )


def _replace(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Changes those of the fields that the settings have."""
    names = {field.name for field in dataclasses.fields(settings)}
    return dataclasses.replace(
        settings, **{name: changes[name] for name in names & set(changes)}
    )
