r"""Pre-trains the six slices on CIFAR-10: the weights of `--weights=cifar10`.

Each slice is trained from random weights with a small classification head
that is thrown away. A slice that is done is kept in `--workdir`; a second run
goes on with the next one. The test split is read once, at the end.

    KERAS_BACKEND=tensorflow python -m tools.make_cifar10_slices \
        --cifar10=../shared/data/tfds/cifar10_jpeg/1.0.0 --workdir=WORKDIR

Axes: N examples, H and W pixels, C channels.
"""

import dataclasses
import hashlib
import json
import shutil
import time
from pathlib import Path

import keras
import numpy as np
import safetensors.numpy
import tensorflow_datasets as tfds
from absl import app, flags, logging

from tfrecords import files
from trainers import backbones
from trainers.network import input_layers
from trainers.weights import load

PACKAGED = Path(__file__).parents[1] / "trainers/weights/data/cifar10"
FLAGS = flags.FLAGS
flags.DEFINE_string("cifar10", None, "Prepared TFDS folder of CIFAR-10.")
flags.DEFINE_string("workdir", None, "Folder of finished slices.")
flags.DEFINE_string("output", str(PACKAGED), "Folder that gets all six.")
flags.DEFINE_multi_enum(
    "backbone", list(backbones.BACKBONES), list(backbones.BACKBONES), "Which."
)
flags.DEFINE_integer("seed", 0, "Seed of all random numbers.")
flags.DEFINE_integer("limit", None, "Use so many pictures of each split.")

BATCH_SIZE = 64
SHIFT = 4  # pixels, the usual crop of 32 from 40
HEAD_MAPS = 128


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How long one slice trains, on how many pictures, Adam's highest rate."""

    epochs: int
    learning_rate: float
    num_pictures: int = 50_000


# By cost: together 39 minutes on two busy cores (CARD.md). VGG16's slice costs
# 115 million multiplications a picture, AlexNet's 4 million.
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

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Takes `(N, H, W, 3)` uint8 and `(N,)` labels."""
        super().__init__()
        self._size = images.shape[1]
        margin = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
        self._padded = np.pad(images, margin, "reflect")
        self._labels = labels
        self._epoch = 0
        self.on_epoch_end()

    def __len__(self) -> int:
        """Whole batches."""
        return len(self._labels) // BATCH_SIZE

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns a batch: float32 in [0, 1], and labels."""
        rng = np.random.default_rng([FLAGS.seed, self._epoch, index])
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
        rng = np.random.default_rng([FLAGS.seed, self._epoch])
        self._order = rng.permutation(len(self._labels))


def read_split(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads a split's first `(N, H, W, 3)` uint8 and `(N,)` int64."""
    builder = tfds.builder_from_directory(FLAGS.cifar10)
    split = f"{split}[:{min(count, FLAGS.limit or count)}]"
    data = tfds.as_numpy(
        builder.as_dataset(split=split, batch_size=-1, shuffle_files=False)
    )
    return data["image"], data["label"]


def build_classifier(
    slice_: keras.Model, backbone: backbones.Backbone, side: int
) -> keras.Model:
    """Puts the project's own input in front and a plain head behind."""
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


def train(backbone: backbones.Backbone, folder: Path) -> None:
    """Trains one slice; writes its weights and, last, what came out."""
    begin = time.monotonic()
    keras.utils.set_random_seed(FLAGS.seed)
    recipe = RECIPES[backbone.name]
    images, labels = read_split("train", recipe.num_pictures)
    slice_ = backbones.build_slice(backbone)
    load.load_weights(slice_, backbone, "random", seed=FLAGS.seed)
    model = build_classifier(slice_, backbone, images.shape[1])
    batches = Augmented(images, labels)
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
    load.assign(slice_, halves, "float16")  # what is shipped is measured
    images, labels = read_split("test", 10_000)
    _, accuracy = model.evaluate(images / np.float32(255), labels, 256)
    content = safetensors.numpy.save(halves)
    files.write_bytes(folder / f"{backbone.name}.safetensors", content)
    figures = {
        "test_accuracy": round(accuracy, 4),
        "epochs": recipe.epochs,
        "num_pictures": recipe.num_pictures,
        "learning_rate": recipe.learning_rate,
        "seconds": round(time.monotonic() - begin),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    files.write_text(folder / f"{backbone.name}.json", json.dumps(figures))


def main(argv: list[str]) -> None:
    """Trains what is not there yet, then copies the weights."""
    del argv
    workdir, output = Path(FLAGS.workdir), Path(FLAGS.output)
    workdir.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    for name in FLAGS.backbone:
        done = workdir / f"{name}.json"
        if not done.exists():
            logging.info("Training %s", name)
            train(backbones.get_backbone(name), workdir)
        logging.info("%s: %s", name, done.read_text())
        shutil.copy(workdir / f"{name}.safetensors", output)


if __name__ == "__main__":
    flags.mark_flags_as_required(["cifar10", "workdir"])
    app.run(main)
