"""Small SavedModels that map texts to vectors, as sentence encoders do."""

import pathlib
import tempfile

import tensorflow as tf

SIZE = 6
_WORDS = ("warm", "leaf", "sea", "thing")
_NUM_OTHERS = 32


class Sentences(tf.Module):
    """Mean of the vectors of a text's words; a table knows some of them."""

    def __init__(self, initializer=None):
        super().__init__()
        rows = (len(_WORDS) + _NUM_OTHERS, SIZE)
        self.embeddings = tf.Variable(
            tf.random.stateless_normal(rows, (3, 1)), name="embeddings"
        )
        values = tf.range(len(_WORDS), dtype=tf.int64)
        self.table = tf.lookup.StaticVocabularyTable(
            initializer or tf.lookup.KeyValueTensorInitializer(_WORDS, values),
            _NUM_OTHERS,
        )

    def mean(self, texts):
        words = self.table.lookup(tf.strings.split(tf.strings.lower(texts)))
        vectors = tf.gather(self.embeddings, words)
        counts = tf.cast(words.row_lengths(), tf.float32)
        sums = tf.reduce_sum(vectors, axis=1)
        return sums / tf.maximum(counts, 1.0)[:, tf.newaxis]


_TEXTS = tf.TensorSpec([None], tf.string, "text")
_OUTPUTS = {
    "signature": lambda x: {"outputs": x, "other": x},
    "two": lambda x: {"a": x, "b": x},
    "flat": lambda x: {"a": x[:, 0]},
    "batch": lambda x: {"a": x - tf.reduce_mean(x, axis=0)},
    "nan": lambda x: {"a": x / 0.0},
}


def save(directory, kind="call"):
    """Writes one to a directory.

    Args:
        directory: Where to.
        kind: `call`: has `__call__`. `file`: the same, with a table that is
            read from a file. `signature`: has serving_default with an output
            named outputs, beside another. The others cannot be used.
    """
    if kind == "file":
        with tempfile.TemporaryDirectory() as folder:
            words = pathlib.Path(folder, "words.txt")
            words.write_text("\n".join(_WORDS), "utf-8")
            _save(directory, Sentences(_of_file(words)), kind)
    else:
        _save(directory, Sentences(), kind)
    return directory


def _of_file(words):
    index = tf.lookup.TextFileIndex
    return tf.lookup.TextFileInitializer(
        str(words),
        tf.string,
        index.WHOLE_LINE,
        tf.int64,
        index.LINE_NUMBER,
    )


def _save(directory, module, kind):
    if kind in _OUTPUTS:
        module.signature = tf.function(
            lambda text: _OUTPUTS[kind](module.mean(text)), [_TEXTS]
        )
        tf.saved_model.save(module, str(directory), module.signature)
        return
    module.__call__ = tf.function(module.mean, [_TEXTS])
    tf.saved_model.save(module, str(directory), signatures={})
