"""Requests that a server answers first, so that no user waits for a kernel."""

import itertools
import string
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from trainers.serving.saved_model_files import Request
from trainers.serving.text_classifier import TextClassifier

_TEXT = b"A warm and funny film, and the ending is great."
_BATCHES = (1, 8, 32)


def requests(
    classifier: TextClassifier, image_shape: tuple[int, ...]
) -> list[Request]:
    """Returns warm-up requests of all signatures that clients use.

    A model that answers texts one by one gets a few batches of a short text;
    one that groups them, a request in each of its shapes.

    Args:
        classifier: The model.
        image_shape: (H, W, C).
    """
    grouping = classifier.grouping
    if grouping is None:
        texts = [np.array([_TEXT] * rows, object) for rows in _BATCHES]
        ids, mask = (x.numpy() for x in classifier.ids(tf.constant(texts[0])))
        return [
            *(("serving_default", {"text": batch}) for batch in texts),
            ("tokens", {"ids": ids, "mask": mask}),
            ("images", {"image": _blank(1, image_shape)}),
            *_explain(classifier),
        ]
    shapes = list(grouping.shapes())
    return [
        *(_texts(rows, width) for rows, width in shapes),
        *(_tokens(classifier, rows, width) for rows, width in shapes),
        *(
            ("images", {"image": _blank(rows, image_shape)})
            for rows in grouping.rows
        ),
        *_explain(classifier),
    ]


def _explain(classifier: TextClassifier) -> list[Request]:
    """A short text's, if texts are explained: it takes many gradients."""
    if classifier.explain is None:
        return []
    label = np.array([-1], np.int32)
    return [("explain", {"text": np.array([b"a"], object), "label": label})]


def _texts(rows: int, width: int) -> Request:
    """Texts of `width` tokens: one-letter words, [CLS] and [SEP].

    No two are equal: those would be answered as one.
    """
    letters = string.ascii_lowercase.encode()
    pairs = itertools.islice(itertools.product(letters, repeat=2), rows)
    texts = [
        b" ".join([bytes([word]) for word in pair] + [b"a"] * (width - 4))
        for pair in pairs
    ]
    return "serving_default", {"text": np.array(texts, object)}


def _tokens(classifier: TextClassifier, rows: int, width: int) -> Request:
    ids = np.full((rows, width), classifier.encoder.tokenizer.pad_id, np.int32)
    return "tokens", {"ids": ids, "mask": np.ones_like(ids)}


def _blank(rows: int, shape: Sequence[int]) -> np.ndarray:
    return np.zeros((rows, *shape), np.float32)
