"""What the multimodal table trains: modalities, backbones, seeds."""

import dataclasses
import pathlib
from collections.abc import Sequence

from tfrecords import schema
from trainers.multimodal.config import (
    MODALITIES,
    MultimodalTrainConfig,
    subsets,
)

# Rate of the second row of all modalities: robust to a missing one.
_ROBUST_DROPOUT = 0.3


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: its trainings over all seeds.

    Attributes:
        name: Name of its directory.
        backbone: Its image tower; empty for texts alone.
        trainings: Settings of each; only `seed` differs.
    """

    name: str
    backbone: str
    trainings: tuple[MultimodalTrainConfig, ...]

    @property
    def modalities(self) -> tuple[str, ...]:
        """What its models see, in the order of `MODALITIES`."""
        return self.trainings[0].towers

    @property
    def modality_dropout(self) -> float:
        """As in the settings."""
        return self.trainings[0].modality_dropout

    @property
    def is_fusion(self) -> bool:
        """Whether its models see several modalities."""
        return len(self.modalities) > 1

    def directories(self, workdir: pathlib.Path) -> list[pathlib.Path]:
        """Those of its trainings, below the table's."""
        return [workdir / self.name / f"seed{t.seed}" for t in self.trainings]


def plan(
    config: MultimodalTrainConfig,
    backbones: Sequence[str],
    seeds: int,
    present: set[str],
) -> list[Row]:
    """Lists the table's rows.

    Args:
        config: Settings of all trainings.
        backbones: Image towers.
        seeds: Trainings per row; the first has the settings' own seed.
        present: Modalities that occur in the records; others are left out.
    """
    known = (*MODALITIES, *sorted(present - set(MODALITIES)))
    rows = [
        _row(config, modalities, backbone, seeds, 0.0)
        for modalities in (subset.split(",") for subset in subsets(known))
        if set(modalities) <= present
        # Texts alone have no image tower: one row serves all backbones.
        for backbone in (backbones if "image" in modalities else [""])
    ]
    everything = rows[-1].modalities
    if len(everything) > 1:
        rows += [
            _row(config, everything, backbone, seeds, _ROBUST_DROPOUT)
            for backbone in (backbones if "image" in present else [""])
        ]
    return rows


def _row(
    config: MultimodalTrainConfig,
    modalities: list[str] | tuple[str, ...],
    backbone: str,
    seeds: int,
    rate: float,
) -> Row:
    name = "-".join([backbone or "texts", *modalities])
    if rate:
        name += "-dropout"
    trainings = (
        dataclasses.replace(
            config,
            modalities=",".join(modalities),
            modality_dropout=rate,
            seed=config.seed + number,
            backbone=backbone or config.backbone,
        )
        for number in range(seeds)
    )
    return Row(name, backbone, tuple(trainings))


def present_modalities(manifest: schema.Manifest) -> set[str]:
    """The image, and each text that at least one sample has."""
    counts = manifest.details["missing"].values()
    return {"image"} | {
        name
        for name in manifest.schema.text_fields
        if any(count[name] < count["samples"] for count in counts)
    }
