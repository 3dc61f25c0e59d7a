r"""Stages: vocabulary, tokens, targets, train, export, measure.

Slow results are kept in `--workdir`; a second run resumes from them and from
the last checkpoint.

    KERAS_BACKEND=tensorflow python -m tools.mini_encoder \
        --unlabelled=imdb_unsupervised.jsonl.xz --labelled=TFDS_DIR \
        --workdir=WORKDIR
"""

import argparse
import json
import lzma
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from absl import logging

from tfrecords import process
from tools.mini_encoder import measuring, targets, training, vocabulary

PRESET = Path(__file__).parents[2] / "text2image/data/mini_encoder"


def make_encoder(flags: argparse.Namespace) -> None:
    """Runs every stage before the measurement, or resumes them."""
    workdir: Path = flags.workdir
    workdir.mkdir(parents=True, exist_ok=True)
    with lzma.open(flags.unlabelled, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    pieces, space = workdir / "vocabulary.txt", workdir / "targets.npz"
    if not pieces.exists():
        vocabulary.learn_vocabulary(texts, pieces)
    ids = vocabulary.tokenize(texts, vocabulary.open_tokenizer(pieces))
    if not space.exists():
        targets.learn_targets(ids, space, flags.seed)
    backbone = training.train(
        ids,
        dict(np.load(space)),
        training.Settings(
            flags.steps,
            flags.stop_after,
            flags.tokens_per_batch,
            flags.learning_rate,
            flags.seed,
        ),
        workdir / "checkpoints",
    )
    training.export(backbone, pieces, flags.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add(
        "--unlabelled",
        help="JSON lines (xz) with a `text` each; without it, no training.",
    )
    add("--labelled", help="TFDS directory; without it, nothing is measured.")
    add("--workdir", type=Path, help="Directory of the slow results.")
    add("--output", type=Path, default=PRESET, help="Preset to write.")
    add("--seed", type=int, default=0)
    add("--steps", type=int, default=2000, help="Steps of the schedule.")
    add("--stop_after", type=int, help="Step to export after; else the last.")
    add("--num_measured", type=int, help="Texts to measure on; else all.")
    add("--tokens_per_batch", type=int, default=2048, help="B * T.")
    add("--learning_rate", type=float, default=1.5e-3, help="Peak.")
    flags = parser.parse_args(argv)
    if flags.unlabelled and not flags.workdir:
        parser.error("--unlabelled needs a --workdir")
    return flags


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the encoder, measures it, or both."""
    flags = _parse(argv)
    process.prepare()
    keras.utils.set_random_seed(flags.seed)
    if flags.unlabelled:
        make_encoder(flags)
    if flags.labelled:
        metrics = measuring.measure(
            str(flags.output), flags.labelled, flags.num_measured, flags.seed
        )
        logging.info("%s", metrics)


if __name__ == "__main__":
    main()
