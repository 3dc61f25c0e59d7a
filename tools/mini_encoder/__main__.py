r"""Stages: vocabulary, tokens, targets, train, export, measure.

The slow results are kept in `--workdir`; a second run goes on from them and
from the last checkpoint.

    KERAS_BACKEND=tensorflow python -m tools.mini_encoder \
        --unlabelled=../shared/data/imdb_unsupervised.jsonl.xz \
        --labelled=../shared/data/tfds --workdir=WORKDIR
"""

import json
import lzma
from pathlib import Path

import keras
import numpy as np
from absl import app, flags, logging

from tools.mini_encoder import measuring, targets, training, vocabulary

PRESET = Path(__file__).parents[2] / "text2image/data/mini_encoder"
FLAGS = flags.FLAGS
flags.DEFINE_string(
    "unlabelled", None, "JSON lines (xz) with a `text` each; none: no training."
)
flags.DEFINE_string("labelled", None, "TFDS folder to measure on; none: skip.")
flags.DEFINE_string("workdir", None, "Folder of the intermediate results.")
flags.DEFINE_string("output", str(PRESET), "Preset folder to write.")
flags.DEFINE_integer("seed", 0, "Seed of all random numbers.")
flags.DEFINE_integer("steps", 2000, "Training steps of the schedule.")
flags.DEFINE_integer("stop_after", None, "Export after this step; none: last.")
flags.DEFINE_integer("num_measured", None, "Texts to measure on; none: all.")
flags.DEFINE_integer("tokens_per_batch", 2048, "B * T of a training batch.")
flags.DEFINE_float("learning_rate", 1.5e-3, "Peak, after the warm-up.")


def make_encoder(workdir: Path) -> None:
    """Runs every stage before the measurement, or goes on with it."""
    workdir.mkdir(parents=True, exist_ok=True)
    with lzma.open(FLAGS.unlabelled, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    pieces, space = workdir / "vocabulary.txt", workdir / "targets.npz"
    if not pieces.exists():
        vocabulary.learn_vocabulary(texts, pieces)
    ids = vocabulary.tokenize(texts, vocabulary.open_tokenizer(pieces))
    if not space.exists():
        targets.learn_targets(ids, space, FLAGS.seed)
    backbone = training.train(
        ids,
        dict(np.load(space)),
        training.Settings(
            FLAGS.steps,
            FLAGS.stop_after,
            FLAGS.tokens_per_batch,
            FLAGS.learning_rate,
            FLAGS.seed,
        ),
        workdir / "checkpoints",
    )
    training.export(backbone, pieces, Path(FLAGS.output))


def main(argv: list[str]) -> None:
    """Makes the encoder, measures it, or both."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    keras.utils.set_random_seed(FLAGS.seed)
    if FLAGS.unlabelled:
        if not FLAGS.workdir:
            raise app.UsageError("--unlabelled needs a --workdir.")
        make_encoder(Path(FLAGS.workdir))
    if FLAGS.labelled:
        figures = measuring.measure(
            FLAGS.output, FLAGS.labelled, FLAGS.num_measured, FLAGS.seed
        )
        logging.info("%s", figures)


if __name__ == "__main__":
    app.run(main)
