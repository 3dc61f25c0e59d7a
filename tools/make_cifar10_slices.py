r"""Pre-trains the six slices on CIFAR-10: the weights of `--weights=cifar10`.

Each slice is trained from random weights with a small classification head,
which is not kept. A finished slice stays in `--workdir`; a second run resumes
after it. The test split is read once, at the end.

    KERAS_BACKEND=tensorflow python -m tools.make_cifar10_slices \
        --cifar10=TFDS_DIR/cifar10_jpeg/1.0.0 --workdir=WORKDIR

Axes: N examples, H and W pixels, C channels.
"""

import argparse
import dataclasses
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import safetensors.numpy
import tensorflow_datasets as tfds
from absl import logging

from text2image import hashes
from tfrecords import files, process
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.network import input_layers
from trainers.weights import load

PACKAGED = Path(__file__).parents[1] / "trainers/weights/data/cifar10"
BATCH_SIZE = 64
SHIFT = 4  # pixels, the usual crop of 32 from 40
HEAD_MAPS = 128


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one slice is trained.

    Attributes:
        epochs: Number of epochs.
        learning_rate: Peak of Adam's learning rate.
        num_images: Number of training images.
    """

    epochs: int
    learning_rate: float
    num_images: int = 50_000


# By cost: 39 minutes in total on two busy cores (CARD.md). VGG16's slice takes
# 115 million multiplications per image, AlexNet's 4 million.
RECIPES = {
    "alexnet": Recipe(4, 1e-3),
    "resnet": Recipe(2, 2e-3),
    "resnext": Recipe(1, 2e-3, 10_000),
    "shufflenet": Recipe(4, 3e-3),
    "vgg16": Recipe(1, 5e-4, 10_000),
    "wide_resnet": Recipe(1, 2e-3, 10_000),
}


class Augmented(keras.utils.PyDataset):
    """Batches in random order, shifted and flipped; a function of the seed."""

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, seed: int
    ) -> None:
        """Draws the order of the first epoch.

        Args:
            images: `(N, H, W, 3)` uint8.
            labels: `(N,)` integers.
            seed: Seed of order, shifts and flips.
        """
        super().__init__()
        self._seed = seed
        self._size = images.shape[1]
        margin = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
        self._padded = np.pad(images, margin, "reflect")
        self._labels = labels
        self._epoch = 0
        self.on_epoch_end()

    def __len__(self) -> int:
        """Number of whole batches."""
        return len(self._labels) // BATCH_SIZE

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns a batch: float32 in [0, 1], and labels."""
        rng = np.random.default_rng([self._seed, self._epoch, index])
        rows = self._order[index * BATCH_SIZE :][:BATCH_SIZE]
        corners = rng.integers(0, 2 * SHIFT + 1, (2, BATCH_SIZE, 1))
        y, x = corners + np.arange(self._size)
        mirrored = rng.random(BATCH_SIZE) < 0.5
        x = np.where(mirrored[:, None], x[:, ::-1], x)
        images = self._padded[rows[:, None, None], y[:, :, None], x[:, None, :]]
        return images.astype("float32") / 255.0, self._labels[rows]

    def on_epoch_end(self) -> None:
        """Draws the order of the next epoch."""
        self._epoch += 1
        rng = np.random.default_rng([self._seed, self._epoch])
        self._order = rng.permutation(len(self._labels))


def read_split(
    cifar10: str, split: str, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the first images and labels of a split.

    Args:
        cifar10: Directory of the prepared TFDS data.
        split: Name of the split.
        count: Number of images.

    Returns:
        `(N, H, W, 3)` uint8 and `(N,)` int64.
    """
    builder = tfds.builder_from_directory(cifar10)
    split = f"{split}[:{count}]"
    data = tfds.as_numpy(
        builder.as_dataset(split=split, batch_size=-1, shuffle_files=False)
    )
    return data["image"], data["label"]


def build_classifier(
    slice_: keras.Model, backbone: backbones.Backbone, side: int
) -> keras.Model:
    """Adds the project's input layers and a plain head to the slice."""
    image = keras.Input((side, side, 3))
    x = input_layers.ZNormalization("image")(image)
    x = input_layers.SliceInput(backbone.preprocessing, standardized=True)(x)
    x = slice_(x)
    # ResNet50V2's slice ends before its activation; VGG16's has no batch norm
    # at all.
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(
        HEAD_MAPS, 3, strides=2, padding="same", use_bias=False
    )(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10)(x))


def train(
    backbone: backbones.Backbone,
    folder: Path,
    *,
    cifar10: str,
    seed: int,
    limit: int | None,
) -> None:
    """Trains one slice; writes its weights and then its metrics.

    Args:
        backbone: Entry of the table.
        folder: Directory that gets `<name>.safetensors` and `<name>.json`.
        cifar10: Directory of the prepared TFDS data.
        seed: Seed of all random numbers.
        limit: Largest number of images of each split; `None` is no limit.
    """
    begin = time.monotonic()
    keras.utils.set_random_seed(seed)
    recipe = RECIPES[backbone.name]
    num_images = min(recipe.num_images, limit or recipe.num_images)
    images, labels = read_split(cifar10, "train", num_images)
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, "random", seed=seed)
    model = build_classifier(slice_, backbone, images.shape[1])
    batches = Augmented(images, labels, seed)
    steps = recipe.epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 10,
        decay_steps=steps - steps // 5,
        warmup_target=recipe.learning_rate,
        warmup_steps=steps // 5,
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA's convolutions take twice as long on a CPU
    )
    model.fit(batches, epochs=recipe.epochs)
    halves = {
        name: array.astype("float16")
        for name, array in load.slice_arrays(slice_).items()
    }
    load.assign(slice_, halves, "float16")  # the weights that are shipped
    images, labels = read_split(cifar10, "test", min(10_000, limit or 10_000))
    _, accuracy = model.evaluate(images / np.float32(255), labels, 256)
    path = folder / f"{backbone.name}.safetensors"
    files.write_bytes(path, safetensors.numpy.save(halves))
    metrics = {
        "test_accuracy": round(accuracy, 4),
        "epochs": recipe.epochs,
        "num_images": num_images,
        "learning_rate": recipe.learning_rate,
        "seconds": round(time.monotonic() - begin),
        "bytes": path.stat().st_size,
        "sha256": hashes.sha256_of_file(path),
    }
    files.write_json(folder / f"{backbone.name}.json", metrics)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the slices that are not finished, then copies all weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--cifar10", required=True, help="Directory of prepared TFDS data."
    )
    parser.add_argument(
        "--workdir", required=True, type=Path, help="Gets finished slices."
    )
    parser.add_argument(
        "--output", type=Path, default=PACKAGED, help="Gets all weights."
    )
    parser.add_argument(
        "--backbone", action="append", choices=tuple(backbones.BACKBONES)
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--limit", type=int, help="Largest number of images of each split."
    )
    flags = parser.parse_args(argv)
    process.prepare()
    flags.workdir.mkdir(parents=True, exist_ok=True)
    flags.output.mkdir(parents=True, exist_ok=True)
    for name in flags.backbone or backbones.BACKBONES:
        metrics = flags.workdir / f"{name}.json"
        if not metrics.exists():
            logging.info("Training %s", name)
            train(
                backbones.get_backbone(name),
                flags.workdir,
                cifar10=flags.cifar10,
                seed=flags.seed,
                limit=flags.limit,
            )
        logging.info("%s: %s", name, metrics.read_text())
        shutil.copy(flags.workdir / f"{name}.safetensors", flags.output)


if __name__ == "__main__":
    main()
