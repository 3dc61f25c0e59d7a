"""What is compared; imports nothing heavy, so that `--help` answers at once."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from tfrecords import ranges
from tfrecords.settings import setting, validate
from trainers.backbones import BACKBONES
from trainers.weights import sources

_common = functools.partial(setting, group="common")
_training = functools.partial(setting, group="training")

# Kind of text images: the settings of the records that it is read from.
FITTED, SMOOTHED = "fitted", "smoothed"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    FITTED: {"layout": "fitted", "channels": "grey"},
    "shuffled": {"layout": "shuffled", "channels": "grey"},
    SMOOTHED: {"layout": "fitted", "channels": "grey"},
    "layers": {"layout": "fitted", "channels": "layers"},
}
NORMALIZATIONS = ("none", "image", "dataset")
# The kernel of twice as many images has 128 MB.
SAMPLE = ranges.Range(least=4, most=2000)


@dataclasses.dataclass(frozen=True)
class ShiftOptions:
    """What is compared, and how."""

    images: str = _common(
        "",
        "Natural images: a folder of them, a directory that TFDS prepared, or "
        "a TFDS name such as cifar10.",
    )
    workdir: str = _common(
        "runs/domain_shift", "Directory of results and report."
    )
    backbones: tuple[str, ...] = _common(
        tuple(BACKBONES), "Architectures whose slices are compared."
    )
    weights: str = _common(
        "cifar10", "Weights of the slices, as of trainers.run."
    )
    weights_for: str | Sequence[str] = _common(
        "",
        "NAME=SOURCE: --weights of one backbone. May be given several times.",
        is_repeated=True,
    )
    sample: int = _common(
        300,
        "Texts, natural images, and other natural images that show what is "
        "chance.",
        SAMPLE,
    )
    variants: tuple[str, ...] = _common(
        tuple(VARIANTS),
        "Text images. fitted (always): grey, features where the projection "
        "puts them. shuffled: the same pixels in random order. smoothed: "
        "fitted, blurred by a Gaussian. layers: three channels, for the first, "
        "middle and last third of the encoder's layers.",
    )
    normalizations: tuple[str, ...] = _training(
        NORMALIZATIONS, "Z-normalisations of text images, as of trainers.run."
    )
    natural_normalization: str = _training(
        "auto",
        "That of natural images. auto: as the weights were trained: image "
        "with cifar10, else none. same: as that of the text images.",
        ("auto", "same", *NORMALIZATIONS),
    )
    upsample: int = _training(
        0,
        "Nearest-neighbour enlargement of text images, as of trainers.run; "
        "natural images are resized to the same size. 0: by the backbone.",
        ranges.Range(least=0, most=32),
    )
    sigma: float = _training(
        1.0,
        "Deviation in pixels of the Gaussian of --variants=smoothed.",
        ranges.Range(above=0, most=100),
    )
    permutations: int = _training(
        999,
        "Permutations of each test.",
        ranges.Range(least=1, most=10**6),
    )
    seed: int = _common(
        0, "Seed of samples, permutations and random weights.", ranges.SEED
    )

    def __post_init__(self) -> None:
        """Refuses values with which nothing can be compared."""
        validate(self)
        for flag, values, legal in (
            ("variants", self.variants, VARIANTS),
            ("normalizations", self.normalizations, NORMALIZATIONS),
            ("backbones", self.backbones, BACKBONES),
        ):
            for value in values or ("nothing",):
                if value not in legal:
                    raise ValueError(
                        f"--{flag} must be among {list(legal)}. Received: "
                        f"{value!r}"
                    )
        self.weights_of  # noqa: B018 (raises)

    @property
    def all_variants(self) -> tuple[str, ...]:
        """Kinds of text images, in the order of `VARIANTS`, `fitted` first."""
        return tuple(
            name for name in VARIANTS if name in (FITTED, *self.variants)
        )

    @property
    def shown(self) -> str:
        """The normalisation of tables that show only one."""
        shown = "image" in self.normalizations
        return "image" if shown else self.normalizations[0]

    @property
    def weights_of(self) -> dict[str, str]:
        """Backbone to its weights.

        Raises:
            ValueError: If a pair of `weights_for` is malformed.
        """
        given = sources.by_backbone(self.weights_for, self.backbones)
        return {name: given.get(name, self.weights) for name in self.backbones}

    def natural_of(self, backbone: str, normalization: str) -> str:
        """Returns how natural images are normalised beside text images."""
        if self.natural_normalization == "same":
            return normalization
        if self.natural_normalization != "auto":
            return self.natural_normalization
        # `tools/make_cifar10_slices.py` trains with it.
        is_cifar10 = self.weights_of[backbone] == "cifar10"
        return "image" if is_cifar10 else "none"
