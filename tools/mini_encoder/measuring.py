"""Measures the encoder: the only place that reads labels."""

import time
from pathlib import Path

import keras
import keras_hub
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from tools.mini_encoder.training import cls_stack
from tools.mini_encoder.vocabulary import Ids, open_tokenizer, tokenize
from tools.mini_encoder.windows import pack

MAX_TOKENS = 256
BATCH_SIZE = 32


def read_labelled(
    data_dir: str, num_texts: int | None, seed: int
) -> tuple[list[bytes], np.ndarray]:
    """Reads IMDB's train and test part, or a random sample of both."""
    data = tfds.load(
        "imdb_reviews",
        data_dir=data_dir,
        split="train+test",
        as_supervised=True,
        download=False,
    )
    examples = list(data.as_numpy_iterator())
    order = np.random.default_rng(seed).permutation(len(examples))
    chosen = [examples[row] for row in order[:num_texts]]
    texts, labels = zip(*chosen, strict=True)
    return list(texts), np.array(labels)


def encode(backbone: keras_hub.models.BertBackbone, ids: Ids) -> np.ndarray:
    """Returns the [CLS] stacks, `(N, L, D)`, of the first 256 pieces."""
    model = keras.Model(backbone.input, cls_stack(backbone))
    run = tf.function(model, jit_compile=True)
    stacks = np.zeros((len(ids), *model.output.shape[1:]), np.float32)
    lengths = np.array([len(text) + 2 for text in ids])
    widths = np.minimum(MAX_TOKENS, -(-lengths // 32) * 32)
    for width in np.unique(widths):
        of_width = np.flatnonzero(widths == width)
        starts = range(0, len(of_width), BATCH_SIZE)
        for start in tqdm(starts, f"{width} tokens"):
            # A short last batch repeats rows: one shape, one compilation.
            rows = np.resize(of_width[start:][:BATCH_SIZE], BATCH_SIZE)
            stacks[rows] = run(pack([ids[row] for row in rows], width))
    return stacks


def measure(
    preset: str, data_dir: str, num_texts: int | None, seed: int
) -> dict[str, float]:
    """Fits a linear probe on the [CLS] stacks of labelled IMDB, 80/20.

    Args:
        preset: Directory of the encoder.
        data_dir: TFDS directory with `imdb_reviews`.
        num_texts: Number of texts; `None` is all 50,000.
        seed: Seed of the sample and the split.

    Returns:
        Accuracy on the held-out fifth, the probe's iterations (at most 1,000),
        N, and the seconds of tokenising and encoding.
    """
    texts, labels = read_labelled(data_dir, num_texts, seed)
    pieces = Path(preset) / "assets/tokenizer/vocabulary.txt"
    backbone = keras_hub.models.BertBackbone.from_preset(preset)
    begin = time.monotonic()
    ids = tokenize(texts, open_tokenizer(pieces))
    tokenized = time.monotonic()
    stacks = encode(backbone, ids)
    encoded = time.monotonic()
    x, x_test, y, y_test = train_test_split(
        stacks.reshape(len(stacks), -1),
        labels,
        test_size=0.2,
        stratify=labels,
        random_state=seed,
    )
    scaler = StandardScaler().fit(x)
    probe = LogisticRegression(C=0.01, max_iter=1000)
    probe.fit(scaler.transform(x), y)
    return {
        "accuracy": float(probe.score(scaler.transform(x_test), y_test)),
        "iterations": int(probe.n_iter_[0]),
        "N": len(texts),
        "tokenize_seconds": tokenized - begin,
        "encode_seconds": encoded - tokenized,
    }
