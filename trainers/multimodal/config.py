"""Every setting of a multimodal run. Imports nothing heavy."""

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from text2image.corpora.examples import CAPTIONS
from tfrecords import ranges
from tfrecords.multimodal_config import NAME
from tfrecords.settings import JsonSettings, setting, validate
from trainers.shared_settings import from_run_setting, precision_setting

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_training = functools.partial(setting, group="training")

MODALITIES = ("image", *CAPTIONS)
# Image tower to the least height and width that keras.applications takes.
TOWERS = {"resnet50v2": 32, "inceptionv3": 75, "mobilenetv2": 32}
# Scale and offset of pixels in [0, 255] before the tower. All towers were
# trained on [-1, 1] (keras.applications, mode "tf"); the paper has [0, 1].
PIXEL_RANGES = {"tower": (1 / 127.5, -1.0), "unit": (1 / 255, 0.0)}
# Half of the layers frozen and 4% held out are defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {"image_size": 300, "pixel_range": "unit"},
}


@dataclasses.dataclass(frozen=True)
class MultimodalTrainConfig(JsonSettings):
    """How a run trains. See each field's help."""

    ADDED_LATER: ClassVar[Mapping[str, Any]] = {
        "precision": "auto",
        "from_run": "",
        "pixel_range": "tower",
    }

    backbone: str = _common(
        "resnet50v2",
        "Image tower: an architecture of keras.applications.",
        tuple(TOWERS),
    )
    weights: str = _common(
        "imagenet",
        "The tower's weights: imagenet (downloaded by Keras), random, or a "
        "file (.npz, .safetensors, .h5, .hdf5 or .keras), which may lack "
        "layers.",
    )
    image_size: int = _training(
        96,
        "Height and width that images are resized to.",
        ranges.Range(least=min(TOWERS.values()), most=4096),
    )
    pixel_range: str = _training(
        "tower",
        "Values of pixels as the tower gets them. tower: -1 to 1, as it was "
        "trained on ImageNet. unit: 0 to 1, as in the paper.",
        tuple(PIXEL_RANGES),
    )
    frozen_fraction: float = _training(
        0.5,
        "Share of the tower's layers, from the first, that are frozen.",
        ranges.FRACTION,
    )
    frozen_grid: int = _training(
        0,
        "Rows and columns of a grid over which the frozen layers' feature maps "
        "are averaged and joined to the tower's vector; 0, as in the paper: "
        "none.",
        ranges.Range(least=0, most=256),
    )
    modalities: str = _common(
        ",".join(MODALITIES),
        "What the model sees, separated by commas. Default: the image and all "
        "texts of the records.",
    )
    text_units: int = _training(
        256, "Units of the tuning layer after each text's vector.", ranges.UNITS
    )
    modality_dropout: float = _training(
        0.0,
        "Probability that a modality is dropped from an example in training; "
        "one is always left.",
        ranges.DROPOUT,
    )
    dropout: float = _training(
        0.5, "Dropout rate before the classes.", ranges.DROPOUT
    )
    tower_lr: float = _training(
        3e-4, "Adam's rate for the image tower.", ranges.RATE
    )
    head_lr: float = _training(
        1e-3, "Adam's rate for all other layers.", ranges.RATE
    )
    weight_decay: float = _training(
        0.01, "Decoupled weight decay.", ranges.PENALTY
    )
    l2: float = _training(
        0.0,
        "L2 penalty on the kernels of tuning layers and classes.",
        ranges.PENALTY,
    )
    epochs: int = _common(10, "Passes over the train split.", ranges.EPOCHS)
    batch_size: int = _training(32, "Examples per step.", ranges.TRAIN_BATCH)
    precision: str = precision_setting()
    cache_gb: float = _training(
        4.0,
        "Memory for the frozen layers' feature maps, which are then computed "
        "once; if they need more, they are computed in every step.",
        ranges.GIGABYTES,
    )
    seed: int = _common(
        0, "Seed of weights, data order and dropout.", ranges.SEED
    )
    from_run: str = from_run_setting()
    records: str = _records(
        "", "Train on this directory of multimodal records."
    )

    def __post_init__(self) -> None:
        """Refuses values that no run could use, or that contradict."""
        validate(self)
        least = TOWERS[self.backbone]
        if self.image_size < least:
            raise ValueError(
                f"--image_size must be at least {least} with "
                f"--backbone={self.backbone}. Received: {self.image_size}"
            )
        parse_modalities(self.modalities)

    @property
    def towers(self) -> tuple[str, ...]:
        """The modalities: those of `MODALITIES`, in its order, then others."""
        return parse_modalities(self.modalities)

    @property
    def has_image(self) -> bool:
        """Whether the model sees images."""
        return "image" in self.towers

    @property
    def has_texts(self) -> bool:
        """Whether the model sees any text."""
        return self.towers != ("image",)


def preset_setting() -> Any:
    """Makes the setting `preset` of run and table."""
    return _common(
        "default",
        "Named settings, which any other flag overrides. paper: images as the "
        "paper has them.",
        tuple(PRESETS),
    )


def parse_modalities(text: str) -> tuple[str, ...]:
    """Reads `--modalities`.

    Raises:
        ValueError: If it is empty, holds what is no name or repeats a name.
    """
    names = text.split(",")
    if not all(map(NAME.fullmatch, names)) or len(set(names)) < len(names):
        raise ValueError(
            f"--modalities must be some of {','.join(MODALITIES)} and of the "
            f"records' other texts, each once. Received: {text!r}"
        )
    return (
        *(name for name in MODALITIES if name in names),
        *(name for name in names if name not in MODALITIES),
    )


def check_modalities(modalities: str, fields: Sequence[str]) -> None:
    """Refuses modalities that records do not have.

    Args:
        modalities: `--modalities`.
        fields: The records' texts.

    Raises:
        ValueError: If there are any.
    """
    legal = ("image", *fields)
    if set(parse_modalities(modalities)) - set(legal):
        raise ValueError(
            f"--modalities must be some of {','.join(legal)}, each once. "
            f"Received: {modalities!r}. Other texts are named by "
            "--text_fields, when the records are made."
        )


def subsets(modalities: Sequence[str] = MODALITIES) -> list[str]:
    """Every choice of modalities as `--modalities` takes it, singles first."""
    return [
        ",".join(names)
        for size in range(1, len(modalities) + 1)
        for names in itertools.combinations(modalities, size)
    ]
