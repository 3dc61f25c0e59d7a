"""Every setting of a training run, and the named presets.

A field's metadata is its flag, as in `tfrecords.config`. This module imports
nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import functools
from typing import Any

from tfrecords.settings import JsonSettings, setting, validate
from trainers import backbones

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_training = functools.partial(setting, group="training")
_reproduction = functools.partial(setting, group="reproduction")

# Trains well on cached maps, on one thousand texts as on twenty
# (BUILD_NOTES.md); the paper's Table I holds for its own autoencoder.
_LEARNING_RATES = {"autoencoder": 1e-3, "head": 1e-3}

# Enlargement by a slice's stride. The fewer pixels a cell of the maps spans,
# the more of the picture can be read off, at a square's cost (BUILD_NOTES.md).
_ENLARGEMENTS = {4: 2, 8: 6}


@dataclasses.dataclass(frozen=True)
class TrainConfig(JsonSettings):
    """How a run trains. See each field's help."""

    backbone: str = _common(
        "resnet",
        "Architecture whose early layers are the frozen feature extractor.",
        tuple(backbones.BACKBONES),
    )
    weights: str = _common(
        "imagenet",
        "Its weights: imagenet (downloaded, checked), cifar10 (shipped with "
        "the package), random, or a .npz, .safetensors or .h5 file.",
    )
    normalization: str = _training(
        "image",
        "Z-normalisation of pixels: per image, per batch (the published "
        "code; a prediction then depends on its batch), or none.",
        ("image", "batch", "none"),
    )
    contrast: float = _training(
        0.1,
        "Share of a picture's difference from the mean train picture that "
        "the slice sees: near the mean picture it is almost linear and loses "
        "less. 1 is the paper's.",
    )
    upsample: int = _training(
        0,
        "Nearest-neighbour enlargement of pictures; the paper's code: 3. 0: "
        "what the backbone's stride asks for, 6 for alexnet and shufflenet and "
        "2 for the others.",
    )
    slice_batch_norm: str = _reproduction(
        "inference",
        "Batch norm inside the frozen slice: inference (its published "
        "statistics), or training (the published code's: each batch's own, "
        "and the kept ones drift).",
        ("inference", "training"),
    )
    autoencoder: str = _training(
        "linear",
        "linear: the picture as it can be read off the maps, solved for and "
        "not trained. symmetric: encoder to a bottleneck and decoder back to "
        "the maps. paper: the published code's four valid convolutions.",
        ("linear", "symmetric", "paper"),
    )
    reconstruction_weight: float = _reproduction(
        0.1, "Weight of the symmetric autoencoder's reconstruction loss."
    )
    bottleneck: int = _reproduction(
        64, "Channels of the symmetric autoencoder's code."
    )
    dropout: float = _training(
        0.5, "Dropout rate before the dense head; not with --autoencoder=paper."
    )
    autoencoder_lr: float = _training(
        0.0,
        "Adam's rate for the autoencoder, if that is trained; 0: 1e-3, or "
        "Table I's with --autoencoder=paper.",
    )
    head_lr: float = _training(
        0.0,
        "Adam's rate for the dense head; 0: 1e-3, or Table I's with "
        "--autoencoder=paper.",
    )
    lr_schedule: str = _reproduction(
        "cosine",
        "Rates over the run: cosine falls to 0, constant is the published "
        "code's.",
        ("cosine", "constant"),
    )
    l2: float = _training(
        0.02, "L2 penalty on the head's kernels; not with --autoencoder=paper."
    )
    epochs: int = _common(10, "Passes over the train split.")
    batch_size: int = _training(32, "Examples a step.")
    eval_every: int = _reproduction(
        0,
        "Steps between validations, besides the one after each epoch; the "
        "published code's cumulative accuracy averages over them (there: 50).",
    )
    cache_gb: float = _training(
        4.0, "Frozen maps kept in memory; more go to disk in the workdir."
    )
    seed: int = _common(0, "Seed of weights, data order and dropout.")
    image_records: str = _records(
        "",
        "Train on this directory of image records instead of making them "
        "from a dataset.",
    )

    def __post_init__(self) -> None:
        """Refuses values that no run could use, or that contradict."""
        validate(
            self,
            least={
                "upsample": 0,
                "epochs": 1,
                "batch_size": 2,  # batch norm cannot train on one
                "bottleneck": 1,
                "eval_every": 0,
                "seed": 0,
                "reconstruction_weight": 0,
                "autoencoder_lr": 0,
                "head_lr": 0,
                "l2": 0,
                "cache_gb": 0,
                "dropout": 0,
            },
            above={"contrast": 0},
            below={"dropout": 1},
        )

    @property
    def has_constant_maps(self) -> bool:
        """Whether a picture's maps depend on nothing else: not its batch."""
        return (
            self.normalization != "batch"
            and self.slice_batch_norm == "inference"
        )

    @property
    def slice_settings(self) -> dict[str, Any]:
        """What frozen maps depend on, besides pictures and weights."""
        names = ("backbone", "contrast", "normalization", "enlargement")
        found = {name: getattr(self, name) for name in names}
        return found | {"has_constant_maps": self.has_constant_maps}

    @property
    def enlargement(self) -> int:
        """`upsample`, its 0 filled in."""
        stride = backbones.get_backbone(self.backbone).stride
        return self.upsample or _ENLARGEMENTS[stride]

    @property
    def learning_rates(self) -> dict[str, float]:
        """Adam's rate for each part that trains, zeros filled in."""
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
        return rates


# Pictures that lose nothing: every feature has a pixel of its own, in three
# channels of two layers each, all of one mean and deviation (BUILD_NOTES.md).
_PICTURES = {"scaler": "standard", "assignment": "lsa", "channels": "layers"}

PRESETS: dict[str, dict[str, Any]] = {
    # The first minute: everything shipped with the package.
    "demo": {
        "dataset": "demo",
        "encoder": "mini",
        "weights": "cifar10",
        "upsample": 1,  # so few features are all kept, in half the time
        "l2": 0.1,  # 1,408 texts are soon learnt by heart
        **_PICTURES,
    },
    # The best recipe we know.
    "imdb": {
        "dataset": "imdb_reviews",
        "encoder": "bert_base_en_uncased",
        "weights": "imagenet",
        "batch_size": 128,  # steps enough, and twice the rate of 32
        "epochs": 6,
        **_PICTURES,
    },
    # The published code to the letter (BUILD_NOTES.md says where the paper's
    # text differs): t-SNE as scikit-learn ran it then, log scaling, three
    # times upsampling, batch normalisation of pixels, Table I.
    "paper": {
        "dataset": "imdb_reviews",
        "encoder": "bert_base_en_uncased",
        "weights": "imagenet",
        "layers": "5-10",
        "scaler": "norm2",
        "tsne_method": "barnes_hut",
        "tsne_init": "random",
        "tsne_learning_rate": 200.0,
        "map_seed": 1701,
        "assignment": "bin",
        "fill": "zero",
        "layout": "fitted",
        "channels": "grey",
        "compat": True,
        "normalization": "batch",
        "contrast": 1.0,
        "upsample": 3,
        "slice_batch_norm": "training",
        "autoencoder": "paper",
        "lr_schedule": "constant",
        "epochs": 15,
        "eval_every": 50,
        "seed": 42,
    },
}
