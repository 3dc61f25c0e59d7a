"""What the multimodal table runs: modalities, backbones, seeds."""

import dataclasses
import typing

from trainers.multimodal import config as train_config

if typing.TYPE_CHECKING:
    from tfrecords import schema

# Rate at which runs of all modalities are trained once more.
_ROBUST_DROPOUT = 0.3


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the table: a run for each seed.

    Attributes:
        name: Of its directory.
        modalities: What it sees.
        backbone: Its image tower; empty for texts alone.
        modality_dropout: As in the settings.
        runs: Settings, by seed.
    """

    name: str
    modalities: str
    backbone: str
    modality_dropout: float
    runs: tuple[train_config.MultimodalTrainConfig, ...]


def plan(
    config: train_config.MultimodalTrainConfig,
    backbones: list[str],
    seeds: int,
    present: set[str],
) -> list[Cell]:
    """Lists the table's cells.

    Args:
        config: Settings of all.
        backbones: Image towers.
        seeds: Runs of a cell, seeds from the settings' own on.
        present: Modalities that the records have at all; others are left
            out.
    """
    cells = []
    for modalities in train_config.subsets():
        names = set(modalities.split(","))
        if not names <= present:
            continue
        # Texts alone have no image tower: one run serves all.
        for backbone in backbones if "image" in names else [""]:
            cells.append(_cell(config, modalities, backbone, seeds, 0.0))
    everything = cells[-1].modalities
    if "," in everything:
        cells += [
            _cell(config, everything, backbone, seeds, _ROBUST_DROPOUT)
            for backbone in (backbones if "image" in present else [""])
        ]
    return cells


def _cell(
    config: train_config.MultimodalTrainConfig,
    modalities: str,
    backbone: str,
    seeds: int,
    rate: float,
) -> Cell:
    name = "-".join([backbone or "texts", *modalities.split(",")])
    return Cell(
        f"{name}-dropout" if rate else name,
        modalities,
        backbone,
        rate,
        tuple(
            dataclasses.replace(
                config,
                modalities=modalities,
                modality_dropout=rate,
                seed=config.seed + number,
                backbone=backbone or config.backbone,
            )
            for number in range(seeds)
        ),
    )


def present_modalities(manifest: "schema.Manifest") -> set[str]:
    """Pictures, and those texts that some sample has."""
    counts = manifest.details["missing"].values()
    return {"image"} | {
        name
        for name in ("title", "description")
        if any(count[name] < count["samples"] for count in counts)
    }
