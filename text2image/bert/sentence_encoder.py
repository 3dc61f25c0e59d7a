"""A TensorFlow SavedModel as encoder: one vector per text.

It takes the texts themselves: its tokeniser is inside. The Universal Sentence
Encoders (Cer et al. 2018, arXiv 1803.11175) are such models.
"""

import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops
from tensorflow.python.trackable import resource

from text2image import allowed_ops

Function = Callable[[tf.Tensor], Any]

_BATCH_SIZE = 64
_PROBE = ("a text", "another one, of more words")
# Vectors of a text in two batches differ in their last bits.
_TOLERANCE = 1e-3
_CURE = (
    "Name a SavedModel whose __call__ or serving_default takes strings [N] and "
    "gives vectors [N, D], such as a Universal Sentence Encoder, or a BERT."
)


class SentenceEncoder:
    """A SavedModel that gives a vector per text.

    Attributes:
        source: Its directory.
        size: D.
        resources: Its variables and tables, which a SavedModel around it must
            save too.
    """

    def __init__(self, source: str) -> None:
        """Loads a SavedModel and asks it for the vectors of two texts.

        Its graph runs: load only what you trust. Ops that reach outside are
        refused before.

        Raises:
            ValueError: If it cannot be loaded, or does not map strings `(N,)`
                to finite vectors `(N, D)`, each of its text alone.
        """
        self.source = source
        loaded = _load(pathlib.Path(source))
        self._vectors = _find(source, loaded)
        probe = self.vectors(tf.constant(_PROBE)).numpy()
        self.size = probe.shape[1]
        self.resources = [
            part
            for part in tf.train.TrackableView(loaded).descendants()
            if isinstance(part, tf.Variable | resource.CapturableResource)
        ]
        _check(source, probe, self.vectors(tf.constant(_PROBE[1:])).numpy())

    def vectors(self, texts: tf.Tensor) -> tf.Tensor:
        """Strings `(N,)` to vectors `(N, D)` float32; also within a graph."""
        return tf.cast(self._vectors(texts), tf.float32)

    def encode(self, texts: Sequence[bytes]) -> np.ndarray:
        """Encodes N texts in batches, to `(N, D)` float32.

        Batches depend on `texts` alone, so that the same texts give the same
        bytes.
        """
        parts = [
            self.vectors(tf.constant(texts[start : start + _BATCH_SIZE]))
            for start in range(0, len(texts), _BATCH_SIZE)
        ]
        return np.concatenate([np.zeros((0, self.size), np.float32), *parts])


def _load(path: pathlib.Path) -> Any:
    try:
        allowed_ops.check_ops(path, allowed_ops.LOADED_OPS)
        return tf.saved_model.load(str(path))
    except RuntimeError as error:  # from the check of the ops
        raise ValueError(f"--encoder={path}: {error}") from error
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"--encoder={path}: the SavedModel cannot be loaded "
            f"({str(error).splitlines()[0]}). Fetch it again."
        ) from error


def _find(source: str, loaded: Any) -> Function:
    """The first function that maps strings to vectors."""
    reasons = []
    for name, function in _functions(loaded):
        try:
            pick = _picker(function(tf.constant(_PROBE)))
        except (TypeError, ValueError, tf.errors.OpError) as error:
            reasons.append(f"{name}: {str(error).splitlines()[0][:200]}")
            continue
        return functools.partial(_call, function, pick)
    listed = "; ".join(reasons) or "neither __call__ nor serving_default"
    raise ValueError(
        f"--encoder={source} must map strings [N] to vectors [N, D]. "
        f"Received: {listed}. {_CURE}"
    )


def _call(
    function: Function, pick: Callable[[Any], tf.Tensor], texts: tf.Tensor
) -> tf.Tensor:
    return pick(function(texts))


def _functions(loaded: Any) -> Iterator[tuple[str, Function]]:
    if callable(loaded):
        yield "__call__", loaded
    signature = loaded.signatures.get("serving_default")
    if signature is not None:
        names = list(signature.structured_input_signature[1])

        def call(texts: tf.Tensor) -> Any:
            if len(names) != 1:
                raise ValueError(f"takes {len(names)} inputs, {names}")
            return signature(**{names[0]: texts})

        yield "serving_default", call


def _picker(outputs: Any) -> Callable[[Any], tf.Tensor]:
    """Returns what picks the vectors out of a function's outputs.

    Raises:
        ValueError: If none or several are `(N, D)`; lists what there is.
    """
    if not isinstance(outputs, Mapping):
        if not tf.is_tensor(outputs) or not _is_vectors(outputs):
            raise ValueError(f"gives {_shown(outputs)}")
        return lambda value: value
    fitting = [key for key, value in outputs.items() if _is_vectors(value)]
    name = "outputs" if "outputs" in fitting else (fitting or [None])[0]
    if name is None or (name != "outputs" and len(fitting) > 1):
        listed = ", ".join(f"{k} {_shown(v)}" for k, v in outputs.items())
        raise ValueError(f"gives {listed}")
    return lambda value: value[name]


def _is_vectors(value: tf.Tensor) -> bool:
    return (
        value.dtype.is_floating
        and value.shape.rank == 2
        and value.shape[0] == len(_PROBE)
        and value.shape[1] > 0
    )


def _shown(value: Any) -> str:
    if not tf.is_tensor(value):
        return type(value).__name__
    return f"{value.dtype.name} {value.shape.as_list()} for 2 texts"


def _check(source: str, both: np.ndarray, alone: np.ndarray) -> None:
    """Refuses vectors that are not finite, or depend on the batch."""
    if not np.isfinite(both).all():
        raise ValueError(
            f"--encoder={source} must give finite vectors. Received: NaN or "
            f"infinity for {_PROBE}. {_CURE}"
        )
    difference = np.abs(both[1:] - alone).max()
    if difference > _TOLERANCE * max(np.abs(alone).max(), 1.0):
        raise ValueError(
            f"--encoder={source} must give a text the same vector whatever "
            f"other texts are in the batch. Received: vectors of {_PROBE[1]!r} "
            f"that differ by {difference:.3g}. {_CURE}"
        )
