"""What the table runs: every backbone, and every ablation one flag away."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfrecords import config as records_config
from tfrecords.settings import fingerprint
from trainers.config import TrainConfig

# The published code drops the final layer by a slip: 6-11 of 12, not 7-12.
_ONE_LOWER = "one lower"

# Group -> row -> the flags that differ from the base.
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
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
    },
    "assignment": {
        "a pixel each (linear sum assignment)": {"assignment": "lsa"},
        "bins": {"assignment": "bin"},
        "bins, empty pixels filled by the nearest": {
            "assignment": "bin",
            "fill": "nearest",
        },
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
        # Bins: one channel may have fewer pixels than features.
        "grey, bins": {"channels": "grey", "assignment": "bin"},
    },
    "layers": {
        "as encoded, grey, bins": {"channels": "grey", "assignment": "bin"},
        "one layer lower, grey, bins": {
            "layers": _ONE_LOWER,
            "channels": "grey",
            "assignment": "bin",
        },
        "last only, grey, bins": {
            "layers": "last1",
            "channels": "grey",
            "assignment": "bin",
        },
    },
    "contrast": {"0.1": {"contrast": 0.1}, "1": {"contrast": 1.0}},
    "normalization": {
        "per image": {"normalization": "image"},
        "per batch": {"normalization": "batch"},
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


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training: a row of a table and its seed.

    Attributes:
        group: Key of `ABLATIONS`, or `backbones`.
        row: The row's name within the group.
        records: How its pictures are made.
        train: How it is trained; `train.seed` is its seed.
        is_base: Whether its settings are the base's, whatever the group.
    """

    group: str
    row: str
    records: records_config.RecordsConfig
    train: TrainConfig
    is_base: bool

    @property
    def directory(self) -> str:
        """Its directory's name; equal settings share one."""
        settings = {
            **dataclasses.asdict(self.records),
            **dataclasses.asdict(self.train),
        }
        for name in ("records_dir", "data_dir", "download", "cache_gb"):
            del settings[name]  # these move no result
        settings = records_config.without_added_later(settings)
        return (
            f"{self.train.backbone}-seed{self.train.seed}-"
            f"{fingerprint(settings)}"
        )


def plan(
    records: records_config.RecordsConfig,
    train: TrainConfig,
    *,
    backbones: tuple[str, ...],
    seeds: int,
    ablated: str,
    ablations: Sequence[str] = tuple(ABLATIONS),
    ablation_seeds: int,
    weights: Mapping[str, str],
    layers: tuple[int, ...],
) -> list[Cell]:
    """Lists every training of a table.

    Args:
        records: The base's pictures.
        train: The base's training; its backbone is replaced.
        backbones: Rows of Table I.
        seeds: Seeds of each, from `train.seed`.
        ablated: Backbone of the ablations; empty for none.
        ablations: Which groups of `ABLATIONS`.
        ablation_seeds: Seeds of each ablation.
        weights: Backbone to weights, where they differ from the base's.
        layers: The base's layers, ascending; empty while they are not known,
            which leaves the row of other layers out.

    Returns:
        Cells, in the order they run: seeds of one row together, so that they
        find each other's frozen maps. A cell may occur in several groups.
    """

    def of(name: str, seed: int) -> TrainConfig:
        return dataclasses.replace(
            train,
            backbone=name,
            weights=weights.get(name, train.weights),
            seed=train.seed + seed,
        )

    cells = [
        Cell("backbones", name, records, of(name, seed), is_base=True)
        for name in backbones
        for seed in range(seeds)
    ]
    if not ablated:
        return cells
    for group in ablations:
        for row, changes in ABLATIONS[group].items():
            changes = dict(changes)
            if changes.get("layers") == _ONE_LOWER:
                if not layers:
                    continue
                # Below layer 0 there is none: one layer fewer.
                first = max(layers[0] - 1, 0)
                changes["layers"] = f"{first}-{layers[-1] - 1}"
            for seed in range(ablation_seeds):
                base = of(ablated, seed)
                changed = _changed((records, base), changes)
                cells.append(
                    Cell(group, row, *changed, changed == (records, base))
                )
    return cells


def _changed(
    halves: tuple[records_config.RecordsConfig, TrainConfig],
    changes: dict[str, Any],
) -> tuple[records_config.RecordsConfig, TrainConfig]:
    """The settings with some fields of either half changed."""
    records, train = (
        {
            field.name: changes[field.name]
            for field in dataclasses.fields(half)
            if field.name in changes
        }
        for half in halves
    )
    return (
        dataclasses.replace(halves[0], **records),
        dataclasses.replace(halves[1], **train),
    )
