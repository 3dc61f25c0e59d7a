"""Texts to terms as TensorFlow ops: one definition, in training and serving.

A word is two or more letters, digits or underscores, lowercased: scikit-learn's
default, except that combining marks stay in their word (as in Hindi). Terms are
words and pairs of neighbours, or the 3 to 5 characters in a row of a word with
a blank at both ends. A term is known by a hash of 62 bits, so that a SavedModel
needs no table: two of a million terms share one with a probability of 1e-7.
"""

import tensorflow as tf

_NO_WORD = r"[^\pL\pM\pN_]+"
_NUM_HASHES = 2**62
# Between the characters of a term: no word has one.
_BETWEEN = "\x1f"

# Kind of terms to the lengths of its n-grams.
KINDS = {"words": (1, 2), "characters": (3, 4, 5)}


def words(text: tf.Tensor) -> tf.RaggedTensor:
    """`(N,)` strings to their words `(N, None)`."""
    # First: TensorFlow's `lower` ends a text at a NUL.
    spaced = tf.strings.regex_replace(text, _NO_WORD, " ")
    lower = tf.strings.lower(spaced, encoding="utf-8")
    # Again: it makes characters of bytes that are no UTF-8.
    every = tf.strings.split(tf.strings.regex_replace(lower, _NO_WORD, " "))
    is_long = tf.strings.length(every.flat_values, unit="UTF8_CHAR") > 1
    return tf.ragged.boolean_mask(every, every.with_flat_values(is_long))


def hashes(
    text: tf.Tensor, kinds: tuple[str, ...]
) -> dict[str, tf.RaggedTensor]:
    """`(N,)` strings to the hashes of their terms.

    Args:
        text: The strings.
        kinds: Keys of `KINDS`.

    Returns:
        Kind to hashes `(N, None)` int64, with repetitions.
    """
    split = words(text)
    return {
        kind: tf.ragged.map_flat_values(
            tf.strings.to_hash_bucket_fast, _TERMS[kind](split), _NUM_HASHES
        )
        for kind in kinds
    }


def _words(split: tf.RaggedTensor) -> tf.RaggedTensor:
    return tf.strings.ngrams(split, KINDS["words"])


def _characters(split: tf.RaggedTensor) -> tf.RaggedTensor:
    framed = tf.strings.regex_replace(split.flat_values, "^(.*)$", r" \1 ")
    terms = tf.strings.ngrams(
        tf.strings.unicode_split(framed, "UTF-8"),
        KINDS["characters"],
        separator=_BETWEEN,
    )
    return split.with_flat_values(terms).merge_dims(1, 2)


_TERMS = {"words": _words, "characters": _characters}
