"""Texts to pieces: normalisation, a WordPiece vocabulary, piece ids."""

from collections import Counter
from pathlib import Path

import keras_hub
import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
import tokenizers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # ids 0 to 4
CLS, SEP, MASK = 2, 3, 4
NUM_PIECES = 8000
MAX_CHARACTERS = (
    200  # single-character pieces, and as many that continue a word
)

Ids = list[np.ndarray]  # piece ids of each text, without [CLS] and [SEP]


def normalize(text: tf.Tensor) -> tf.Tensor:
    """Normalises texts as the project does before every tokenizer."""
    text = tf.strings.regex_replace(text, r"[\t\n\r\p{Z}]", " ")
    text = tf.strings.regex_replace(text, r"[\p{C}\x{FFFD}]", "")
    text = tf_text.normalize_utf8(text, "NFD")
    text = tf.strings.regex_replace(text, r"\p{Mn}", "")
    return tf.strings.lower(text, encoding="utf-8")


def learn_vocabulary(texts: list[str], path: Path) -> None:
    """Learns a WordPiece vocabulary and writes it, one piece per line.

    The same texts give the same file: the trainer numbers characters in the
    order of a hash map, and breaks ties by number, so they are numbered here.
    """
    data = tf.data.Dataset.from_tensor_slices(texts).map(normalize)
    lines = [line.decode() for line in data.as_numpy_iterator()]
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    characters = sorted(
        (c for c in counts if not c.isspace()), key=lambda c: (-counts[c], c)
    )[:MAX_CHARACTERS]
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece())
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=NUM_PIECES,
        special_tokens=[*SPECIAL, *characters, *(f"##{c}" for c in characters)],
        initial_alphabet=characters,
        limit_alphabet=MAX_CHARACTERS,
    )
    model.train_from_iterator(lines, trainer)
    ids = model.get_vocab()
    path.write_text("\n".join(sorted(ids, key=ids.__getitem__)) + "\n")


def open_tokenizer(
    path: Path, *, lowercase: bool = False
) -> keras_hub.models.BertTokenizer:
    """Opens the vocabulary.

    Args:
        path: File of the pieces.
        lowercase: Whether the tokenizer lower-cases, as that of the saved
            preset must; texts that passed `normalize` need not.
    """
    return keras_hub.models.BertTokenizer(
        str(path), lowercase=lowercase, strip_accents=True
    )


def tokenize(texts: list, tokenizer: keras_hub.models.BertTokenizer) -> Ids:
    """Returns the piece ids of each text, untruncated."""
    data = tf.data.Dataset.from_tensor_slices(texts).batch(500)
    data = data.map(lambda batch: tokenizer(normalize(batch)))
    rows = (np.split(r.values.numpy(), r.row_splits[1:-1]) for r in data)
    return [row for batch in rows for row in batch]
