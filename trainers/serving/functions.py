"""TensorFlow functions of a served model, and the encoder in front of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from text2image.bert import checkpoint
from text2image.bert.encoder import Encoder
from trainers.serving import agreement

Tensors = dict[str, tf.Tensor]
Arrays = dict[str, np.ndarray]


def each(
    function: Callable[..., tf.Tensor],
    rows: tuple[tf.Tensor, ...],
    shape: tuple[int | None, ...],
) -> tf.Tensor:
    """Applies a function to the examples of a batch one by one.

    Matrix kernels sum in a different order for a different batch size or
    padding, and normalising images of low contrast amplifies that: up to 3e-4
    of a probability. One by one, an example gets the same answer whatever
    else is in the batch. It also saves computing on padding.

    Args:
        function: `(1, ...)` tensors to one `(1, ...)` float32 tensor.
        rows: Arguments of `function` for all examples, `(N, ...)` each.
        shape: Shape of the result; its first dimension is N.

    Returns:
        The results, `(N, ...)` float32.
    """
    return tf.map_fn(
        lambda row: function(*(item[tf.newaxis] for item in row))[0],
        rows,
        fn_output_signature=tf.TensorSpec(shape[1:], tf.float32),
    )


def once_each(
    function: Callable[[tf.Tensor], Tensors],
) -> Callable[[tf.Tensor], Tensors]:
    """Makes a function of texts that computes equal texts once.

    Args:
        function: `(M,)` different strings to tensors `(M, ...)`.

    Returns:
        A function of any `(N,)` strings, to tensors `(N, ...)`.
    """

    def answer(text: tf.Tensor) -> Tensors:
        # A server does not check a request's shape against the signature.
        texts, position = tf.unique(tf.ensure_shape(text, [None]))
        return {
            name: tf.gather(value, position)
            for name, value in function(texts).items()
        }

    return answer


def checked_tokens(
    ids: tf.Tensor, mask: tf.Tensor, most: int, num_ids: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns ids and mask after checks that an encoder can take them.

    Args:
        ids: Token ids `(N, T)` int32.
        mask: 1 for a token and 0 for padding, `(N, T)` int32.
        most: Most tokens that the encoder takes.
        num_ids: Number of ids that it knows.
    """
    ids, mask = (tf.ensure_shape(x, [None, None]) for x in (ids, mask))
    last = num_ids - 1
    width = tf.shape(ids)[1]
    in_vocabulary = f"`ids` must be in [0, {last}]."
    checks = [
        tf.debugging.assert_less_equal(
            width,
            most,
            f"`ids` must have at most {most} columns, [CLS] and [SEP] "
            "included: cut the text.",
        ),
        tf.debugging.assert_positive(
            width, "`ids` must have at least one column, for [CLS]."
        ),
        tf.debugging.assert_equal(
            tf.shape(ids),
            tf.shape(mask),
            "`ids` and `mask` must have the same shape.",
        ),
        tf.debugging.assert_less_equal(ids, last, in_vocabulary),
        tf.debugging.assert_non_negative(ids, in_vocabulary),
        tf.debugging.assert_equal(
            mask,
            tf.cast(mask != 0, tf.int32),
            "`mask` must be 1 for a token and 0 for padding.",
        ),
        tf.debugging.assert_positive(
            mask[:, :1],
            "`mask` must begin with 1, for [CLS]: pad on the right.",
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(ids), tf.identity(mask)


def graph(
    function: object, *signature: tf.TensorSpec
) -> tf.types.experimental.GenericFunction:
    """Makes a `tf.function` with a fixed signature."""
    return tf.function(function, input_signature=signature, autograph=False)


def on_strings(function: Callable[..., Tensors]) -> Callable[..., Arrays]:
    """Makes a function of lists of bytes that returns numpy arrays.

    Args:
        function: A signature that takes `(N,)` strings by name.
    """

    def call(**strings: list[bytes]) -> Arrays:
        outputs = function(
            **{name: tf.constant(value) for name, value in strings.items()}
        )
        return {name: value.numpy() for name, value in outputs.items()}

    return call


def encode(text: str) -> bytes:
    """The bytes of a text; the tokeniser drops those of lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def load_encoder(
    recorded: dict[str, Any], source: str | None = None
) -> Encoder:
    """Loads the encoder that made a set of records.

    Args:
        recorded: What `tfrecords.stages.encoded_records.describe_encoder`
            wrote.
        source: Where the encoder is now; by default where it was when the
            records were made.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If another encoder is there.
    """
    layers = recorded["layers"]
    located = locate_encoder(recorded, source)
    if checkpoint.identify_tokenizer(located) != recorded.get("tokenizer", ""):
        raise ValueError(
            f"The texts of the records were read with other token ids than "
            f"{located} states, by an earlier version of this project. Build "
            "the records again, and train on them."
        )
    encoder = Encoder(
        located,
        layers=f"{layers[0]}-{layers[-1]}",
        max_tokens=recorded["max_tokens"],
        # Records of earlier versions do not say: there was no choice.
        pooling=recorded.get("pooling", "cls"),
        long_texts=recorded.get("long_texts", "cut"),
        clean=recorded.get("clean", "none"),
        dtype=_dtype(recorded),
    )
    if encoder.gelu != recorded["gelu"]:
        raise ValueError(
            f"The encoder must compute the {recorded['gelu']} GELU, as it did "
            f"for the records. Received: {encoder.gelu}. Use the version of "
            "this project that made the records, or build them again."
        )
    return encoder


def _dtype(recorded: dict[str, Any]) -> str:
    """The dtype by which TensorFlow comes nearest to the recorded stacks.

    OpenVINO keeps softmax and norms in float32: its bfloat16 stacks are nearer
    to those of TensorFlow in float32 than in bfloat16 (docs/results/speed.md,
    "CPU engine").
    """
    if recorded.get("engine", agreement.TENSORFLOW) != agreement.TENSORFLOW:
        return "float32"
    return recorded.get("dtype", "float32")


def locate_encoder(recorded: dict[str, Any], source: str | None) -> str:
    """Finds the encoder that made a set of records, by its sha256.

    Args and raises as `load_encoder`.
    """
    try:
        located = checkpoint.locate(source or recorded["source"])
    except FileNotFoundError as error:
        if source:
            raise
        raise FileNotFoundError(
            f"The encoder is not at {recorded['source']!r}, where it was when "
            "the records were made. Name its directory with --encoder=PATH "
            f"(sha256 {recorded['sha256']})."
        ) from error
    received = checkpoint.identify(located)
    if received == recorded["sha256"]:
        return located
    raise ValueError(
        f"The encoder {located!r} must have the sha256 {recorded['sha256']}. "
        f"Received: {received}. Name the one that made the records with "
        "--encoder=PATH."
    )
