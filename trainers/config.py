"""Every setting of a training run, and the named presets.

The metadata of a field is its flag, as in `tfrecords.config`. This module
imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from text2image import hashes
from tfrecords import presets, ranges
from tfrecords.paths import Path
from tfrecords.settings import (
    JsonSettings,
    fingerprint,
    of_preset,
    setting,
    validate,
)
from trainers import backbones
from trainers.presets import TRAINING
from trainers.shared_settings import from_run_setting, precision_setting

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_training = functools.partial(setting, group="training")
_reproduction = functools.partial(setting, group="reproduction")


def start_sha256(run: str) -> str:
    """Returns the sha256 of the weights of a finished run.

    Raises:
        FileNotFoundError: If it has none.
    """
    return hashes.sha256_of_file(pathlib.Path(run) / "model.safetensors")


# Train well on cached features, on one thousand texts as on twenty thousand
# (docs/results/ablations.md); the paper's Table I is for its own autoencoder.
# A slice starts from weights that are good already.
_LEARNING_RATES = {"autoencoder": 1e-3, "head": 1e-3}
_SLICE_RATE = 1e-4

# Enlargement by the stride of a slice. The fewer pixels a position of the maps
# spans, the more of the image they keep, at a cost that grows with the square
# (docs/results/ablations.md).
_ENLARGEMENTS = {4: 2, 8: 6}


@dataclasses.dataclass(frozen=True)
class TrainConfig(JsonSettings):
    """How a run trains; the help of each field says what it means."""

    ADDED_LATER: ClassVar[Mapping[str, Any]] = {
        "precision": "auto",
        "jit_compile": False,
        "class_weight": "none",
        "slice_depth": 0,
        "from_run": "",
        "trainable_slice": False,
        "slice_lr": 0.0,
    }

    backbone: str = _common(
        "resnet",
        "Architecture whose early layers are the frozen feature extractor.",
        tuple(backbones.BACKBONES),
    )
    weights: str = _common(
        "imagenet",
        "Weights of that architecture: imagenet (downloaded, checked), cifar10 "
        "(shipped with the package), random, or a file: .npz, .safetensors, "
        ".h5, .hdf5, .keras, .pth, .pt or .bin.",
    )
    normalization: str = _training(
        "image",
        "Z-normalisation of pixels: per image, per batch (the published "
        "code; a prediction then depends on its batch), by one mean and "
        "deviation of the whole data set (its train images), or none.",
        ("image", "batch", "dataset", "none"),
    )
    contrast: float = _training(
        0.1,
        "Share of an image's difference from the mean train image that the "
        "slice sees: near the mean image it is almost linear and loses less. "
        "The paper's is 1.",
        ranges.Range(above=0, most=1000),
    )
    upsample: int = _training(
        0,
        "Nearest-neighbour enlargement of images; in the published code 3. 0: "
        "by the stride of the backbone, 6 for alexnet and shufflenet and 2 for "
        "the others (--preset=best: 1 for up to 2,000 texts).",
        ranges.Range(least=0, most=32),
    )
    slice_depth: int = _training(
        0,
        "Where the slice ends: 0, where the paper cuts it; 1 and 2, after its "
        "first stage and halfway.",
        ranges.Range(least=0, most=2),
    )
    slice_batch_norm: str = _reproduction(
        "inference",
        "Batch norm inside the frozen slice: inference (its published "
        "statistics), or training (as the published code: the statistics of "
        "each batch, and the stored ones drift).",
        ("inference", "training"),
    )
    trainable_slice: bool = _training(
        False,
        "Train the slice too, from --weights, on images instead of features "
        "computed once: many times slower. Its batch norms stay frozen unless "
        "--slice_batch_norm=training.",
    )
    autoencoder: str = _training(
        "linear",
        "linear: the image as estimated from the feature maps by least "
        "squares, solved for and not trained. symmetric: an encoder to a "
        "bottleneck and a decoder back to the maps. paper: the published "
        "code's four valid convolutions.",
        ("linear", "symmetric", "paper"),
    )
    reconstruction_weight: float = _reproduction(
        0.1,
        "Weight of the symmetric autoencoder's reconstruction loss.",
        ranges.PENALTY,
    )
    bottleneck: int = _reproduction(
        64, "Channels of the symmetric autoencoder's code.", ranges.UNITS
    )
    dropout: float = _training(
        0.5,
        "Dropout rate before the dense head; not with --autoencoder=paper.",
        ranges.DROPOUT,
    )
    autoencoder_lr: float = _training(
        0.0,
        "Adam's rate for the autoencoder, if it is trained; 0: 1e-3, or Table "
        "I's with --autoencoder=paper.",
        ranges.RATE_OR_DEFAULT,
    )
    head_lr: float = _training(
        0.0,
        "Adam's rate for the dense head; 0: 1e-3, or Table I's with "
        "--autoencoder=paper.",
        ranges.RATE_OR_DEFAULT,
    )
    slice_lr: float = _training(
        0.0,
        "Adam's rate for the slice with --trainable_slice; 0: 1e-4.",
        ranges.RATE_OR_DEFAULT,
    )
    lr_schedule: str = _reproduction(
        "cosine",
        "Rates over the run: cosine (falls to 0) or constant (as the "
        "published code).",
        ("cosine", "constant"),
    )
    l2: float = _training(
        0.02,
        "L2 penalty on the head's kernels; not with --autoencoder=paper. "
        "--preset=best: above 2,000 texts, times 2,000 over their number.",
        ranges.PENALTY,
    )
    class_weight: str = _training(
        "none",
        "Weights of classes in the loss: none, or balanced (all count alike).",
        ("none", "balanced"),
    )
    epochs: int = _common(10, "Passes over the train split.", ranges.EPOCHS)
    batch_size: int = _training(32, "Examples per step.", ranges.TRAIN_BATCH)
    eval_every: int = _reproduction(
        0,
        "Steps between validations, in addition to the one after each epoch. "
        "The cumulative accuracy of the published code averages over them "
        "(there every 50 steps). 0: after each epoch only.",
        ranges.LIMIT,
    )
    precision: str = precision_setting()
    jit_compile: bool = _training(
        False,
        "Compile the steps with XLA; the bytes differ from those without.",
    )
    cache_gb: float = _training(
        4.0,
        "Gigabytes of features kept in memory; beyond that they are kept on "
        "disk, in the workdir.",
        ranges.GIGABYTES,
    )
    seed: int = _common(
        0, "Seed of weights, data order and dropout.", ranges.SEED
    )
    from_run: str = from_run_setting()
    image_records: str = _records(
        "",
        "Directory of image records to train on, instead of building records "
        "from a dataset.",
    )

    def __post_init__(self) -> None:
        """Refuses values that no run could use."""
        validate(self)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Returns the settings that `--preset` names, with changes.

        Raises:
            ValueError: If there is no such preset, or a value is refused.
        """
        return of_preset(cls, TRAINING, name, changes)

    @property
    def has_constant_maps(self) -> bool:
        """Whether the maps of an image do not depend on its batch."""
        return (
            self.normalization != "batch"
            and self.slice_batch_norm == "inference"
            and not self.trainable_slice
        )

    @property
    def slice_settings(self) -> dict[str, Any]:
        """What feature maps depend on, besides images and weights."""
        names = ("backbone", "contrast", "normalization", "enlargement")
        settings = {name: getattr(self, name) for name in names}
        if self.slice_depth:
            settings["slice_depth"] = self.slice_depth
        return settings | {"has_constant_maps": self.has_constant_maps}

    @property
    def enlargement(self) -> int:
        """Enlargement of the images, from `upsample` or by the stride."""
        stride = backbones.get_backbone(self.backbone).stride
        return self.upsample or _ENLARGEMENTS[stride]

    def check_image_size(self, height: int, width: int) -> None:
        """Refuses images that are too small for slice and autoencoder.

        Raises:
            ValueError: Names the smallest image that suffices.
        """
        backbone = backbones.get_backbone(self.backbone)
        is_paper = self.autoencoder == "paper"
        backbones.validate_input_size(
            backbone,
            height,
            width,
            self.enlargement,
            min_map_size=backbone.recipe.min_map_size if is_paper else 1,
        )

    @property
    def learning_rates(self) -> dict[str, float]:
        """Adam's rate of each part that trains."""
        rates = dict(_LEARNING_RATES)
        if self.autoencoder == "paper":
            recipe = backbones.get_backbone(self.backbone).recipe
            rates = {
                "autoencoder": recipe.autoencoder_lr,
                "head": recipe.head_lr,
            }
        given = {"autoencoder": self.autoencoder_lr, "head": self.head_lr}
        rates = {part: given[part] or rates[part] for part in rates}
        if self.autoencoder == "linear":  # solved for
            del rates["autoencoder"]
        if self.trainable_slice:
            rates["slice"] = self.slice_lr or _SLICE_RATE
        return rates

    def on_records(self, image_dir: Path) -> Self:
        """Returns these settings with the records they are to train on."""
        return dataclasses.replace(self, image_records=str(image_dir))


def default_workdir(config: TrainConfig, runs_dir: str = "runs") -> str:
    """Names the directory of a run after dataset, backbone and settings."""
    settings = config.naming_settings
    # The name of the records has a fingerprint; the cache changes no result.
    for name in ("image_records", "cache_gb"):
        del settings[name]
    if config.from_run:  # what the run is, not where
        settings["from_run"] = start_sha256(config.from_run)
    # The end, with the fingerprint, and no more than a file system takes.
    records = pathlib.Path(os.path.abspath(config.image_records))
    dataset = records.parent.name[-200:]
    return f"{runs_dir}/{dataset}-{config.backbone}-{fingerprint(settings)[:8]}"


PRESETS: dict[str, dict[str, Any]] = {
    name: {**presets.RECORDS[name], **values}
    for name, values in TRAINING.items()
}
