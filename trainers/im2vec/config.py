"""Every setting of an Im2Vec run.

A field's metadata is its flag, as in `tfrecords.config`. This module imports
nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tfrecords import ranges
from tfrecords.settings import JsonSettings, fingerprint, setting, validate

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_training = functools.partial(setting, group="training")
_reproduction = functools.partial(setting, group="reproduction")

# Settings that the vectors of a trained network depend on and training does
# not.
ANALYSIS = ("inverse", "ridge", "num_seeds", "permutations")


@dataclasses.dataclass(frozen=True)
class Im2VecConfig(JsonSettings):
    """How class vectors are made and evaluated. See the help of each field."""

    ADDED_LATER: ClassVar[Mapping[str, Any]] = {"depth": 2, "augment": False}

    dataset: str = _common(
        "",
        "Images: a TFDS name (cifar10, cifar100), a prepared TFDS directory, "
        "or a directory of this project's image records.",
    )
    data_dir: str = _records("", "Where TFDS keeps its datasets.")
    download: bool = _records(False, "Let TFDS download a missing dataset.")
    image_key: str = _records("image", "TFDS feature of the image.")
    label_key: str = _common("label", "TFDS feature of the class.")
    classes: str = _common(
        "", "Only these classes, comma-separated: lion,tiger,wolf."
    )
    superclass: str = _common(
        "",
        "Only the classes of this superclass, for datasets whose records "
        "name one (CIFAR-100): large_carnivores.",
    )
    classifier: str = _common(
        "",
        "Take the vectors from the last dense layer of finished runs of "
        "trainers.run instead of training: one --workdir, or several with "
        "commas (seeds of one model).",
    )
    hidden: int = _training(
        0,
        "Hidden units; 0 is the number of classes, as in the paper.",
        ranges.Range(least=0, most=2**16),
    )
    depth: int = _training(
        2,
        "Layers of the network. With more than the paper's two, those before "
        "the last two have 512 units and a ReLU each.",
        ranges.Range(least=2, most=20),
    )
    augment: bool = _training(
        False,
        "Mirror train images at random and shift them by up to an eighth of "
        "their sides.",
    )
    inverse: str = _training(
        "auto",
        "How W2 is inverted. inverse: as in the paper, square matrices only. "
        "pinv: pseudo-inverse. centred: pinv of W2 minus the mean of its rows, "
        "which softmax does not see. ridge: least squares with --ridge. auto: "
        "inverse where W2 is square, otherwise pinv.",
        ("auto", "inverse", "pinv", "centred", "ridge"),
    )
    ridge: float = _training(
        1e-3,
        "Ridge, as a share of the largest squared singular value of W2.",
        ranges.PENALTY,
    )
    epochs: int = _common(
        500,
        "Passes over the train split; the paper uses 1000 for CIFAR-100.",
        ranges.EPOCHS,
    )
    batch_size: int = _training(512, "Images per step.", ranges.BATCH)
    learning_rate: float = _training(0.01, "Learning rate of SGD.", ranges.RATE)
    momentum: float = _training(
        0.2, "Momentum of SGD.", ranges.Range(least=0, below=1)
    )
    weight_decay: float = _training(
        0.01,
        "Weight decay of SGD: an L2 penalty, as in PyTorch.",
        ranges.PENALTY,
    )
    milestones: str = _training(
        "100,200",
        "Epochs after which the learning rate falls, comma-separated. The "
        "default is that of the published code.",
    )
    lr_factor: float = _training(
        0.1,
        "Factor of the learning rate at each milestone.",
        ranges.Range(above=0, most=1),
    )
    normalization: str = _training(
        "channel",
        "Pixels at the first layer. channel: mean 0 and standard deviation 1 "
        "per channel of the train images. published: means and deviations of "
        "the published code (RGB; a tenth of the true deviations). none: 0 to "
        "1, or records as they are.",
        ("channel", "published", "none"),
    )
    double_softmax: bool = _reproduction(
        False,
        "Apply softmax before the loss that applies it again: only to "
        "reproduce the published code.",
    )
    seed: int = _common(0, "First seed of weights and data order.", ranges.SEED)
    num_seeds: int = _training(
        3,
        "Networks to train, with consecutive seeds, to measure stability.",
        ranges.TRAININGS,
    )
    permutations: int = _training(
        9999,
        "Permutations of each Mantel test; all of them if there are no more.",
        ranges.Range(least=1, most=10**7),
    )

    def __post_init__(self) -> None:
        """Refuses values that no run could use, or that contradict."""
        validate(self)
        if not self.dataset and not self.classifier:
            raise ValueError(
                "--dataset must name images, such as --dataset=cifar10 with "
                "--data_dir, a TFDS directory or a directory of image "
                "records; or --classifier a finished run."
            )
        if self.classes and self.superclass:
            raise ValueError(
                "--classes and --superclass must not be given together. "
                f"Received: {self.classes!r} and {self.superclass!r}"
            )
        self.milestone_epochs  # noqa: B018 (raises)

    @property
    def training_fingerprint(self) -> str:
        """Fingerprint of what a training depends on besides its images."""
        settings = self.naming_settings
        for name in (*ANALYSIS, "dataset", "data_dir", "download", "seed"):
            del settings[name]
        return fingerprint(settings)

    @property
    def milestone_epochs(self) -> tuple[int, ...]:
        """`milestones` as numbers."""
        words = [word for word in self.milestones.split(",") if word]
        if not all(re.fullmatch("[0-9]{1,7}", word) for word in words):
            raise ValueError(
                "--milestones must be whole numbers in [0, 9999999] with "
                f"commas, such as 100,200. Received: {self.milestones!r}"
            )
        return tuple(int(word) for word in words)

    def learning_rate_of(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        passed = sum(epoch >= milestone for milestone in self.milestone_epochs)
        return self.learning_rate * self.lr_factor**passed


def default_workdir(config: Im2VecConfig) -> pathlib.Path:
    """`runs/im2vec-`, the dataset and a fingerprint of the settings."""
    settings = config.naming_settings
    for name in (*ANALYSIS, "download"):
        del settings[name]
    source = pathlib.Path(config.dataset or config.classifier.split(",")[0])
    name = source.parent.name if source.name == "1.0.0" else source.name
    suffix = fingerprint(settings)[:8]
    # No more than a file system takes.
    return pathlib.Path("runs") / f"im2vec-{name[-200:]}-{suffix}"
