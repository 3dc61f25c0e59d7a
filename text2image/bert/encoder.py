"""Texts to stacks of BERT vectors, [CLS] or mean, `(N, L, D)`."""

import re
from collections.abc import Callable
from concurrent import futures

import keras
import numpy as np
import tensorflow as tf

from text2image import cpu, options
from text2image.bert import checkpoint, tokenizer

# Padding 512 tokens by steps of 16 instead of 64 takes 11% less time a text,
# but XLA compiles 32 shapes instead of 8: it pays from so many texts on.
_COARSE_STEP, _FINE_STEP = 64, 16
_MANY_TEXTS = 10_000
# So many batches are in flight at least: a GPU is not to wait for the host,
# nor a core. A batch's bytes do not depend on its company.
_BATCHES_AT_ONCE = 3


def parse_layers(layers: str, num_layers: int) -> list[int]:
    """Reads `--layers`.

    Args:
        layers: `last6` (any count) or a range `5-10`, both ends included.
            Layer i is keras-hub's `transformer_layer_i`, from 0: Hugging
            Face's `hidden_states[i + 1]`.
        num_layers: Layers of the encoder.

    Returns:
        The layers' indices, ascending.

    Raises:
        ValueError: If it cannot be read or the encoder lacks such a layer.
    """
    last = re.fullmatch(r"last(\d+)", layers)
    between = re.fullmatch(r"(\d+)-(\d+)", layers)
    if last:
        first, final = num_layers - int(last[1]), num_layers - 1
    elif between:
        first, final = int(between[1]), int(between[2])
    else:
        raise ValueError(
            "`layers` must be like `last6` or `5-10` (from 0, both ends "
            f"included). Received: {layers!r}"
        )
    if not 0 <= first <= final < num_layers:
        raise ValueError(
            f"`layers` must name layers among 0-{num_layers - 1} of this "
            f"encoder. Received: {layers!r}"
        )
    return list(range(first, final + 1))


def length_step(num_texts: int) -> int:
    """The `length_step` of an `Encoder` that takes the least time.

    Args:
        num_texts: How many it is to encode.
    """
    return _FINE_STEP if num_texts >= _MANY_TEXTS else _COARSE_STEP


class Encoder:
    """A BERT cut to one vector a text of some of its layers.

    Attributes:
        stack_shape: (L, D).
        layers: The layers' indices.
        max_tokens: Most tokens kept of a text.
        gelu: `exact` or `tanh`, as the checkpoint computes it.
        pooling: `cls` or `mean`.
        dtype: What it computes in, of `options.ENCODER_DTYPES`.
    """

    def __init__(
        self,
        source: str,
        *,
        layers: str = "last6",
        max_tokens: int = 512,
        tokens_per_batch: int = 512,
        length_step: int = _COARSE_STEP,
        pooling: str = "cls",
        dtype: str = "float32",
    ) -> None:
        """Loads a checkpoint.

        Args:
            source: As `checkpoint.load_checkpoint`.
            layers: As `parse_layers`.
            max_tokens: Most tokens kept of a text, from its start.
            tokens_per_batch: Texts of a length are encoded so many tokens at
                a time, at least `max_tokens`. Part of the stacks'
                provenance: another value moves their last bits.
            length_step: Texts are padded to a multiple of it; every multiple
                is compiled once. Moves last bits too.
            pooling: `cls`: the vector of [CLS]. `mean`: over all tokens of a
                text, [CLS] and [SEP] among them (Reimers and Gurevych 2019,
                arXiv 1908.10084, section 3).
            dtype: What it computes in. `bfloat16` is for hardware that
                multiplies it faster; stacks are float32 either way.

        Raises:
            ValueError: If the encoder has fewer positions or layers, or there
                is no such pooling or dtype.
        """
        for name, value, allowed in (
            ("pooling", pooling, options.POOLINGS),
            ("dtype", dtype, options.ENCODER_DTYPES),
        ):
            if value not in allowed:
                raise ValueError(
                    f"`{name}` must be one of {allowed}. Received: {value!r}"
                )
        loaded = checkpoint.load_checkpoint(source, dtype)
        backbone = loaded.backbone
        if not 2 < max_tokens <= backbone.max_sequence_length:
            raise ValueError(
                f"`max_tokens` must be in [3, {backbone.max_sequence_length}]"
                f", the encoder's positions. Received: {max_tokens}"
            )
        self.layers = parse_layers(layers, backbone.num_layers)
        self.max_tokens = max_tokens
        self.stack_shape = (len(self.layers), backbone.hidden_dim)
        self.tokenizer = tokenizer.Tokenizer(
            loaded.vocabulary, lowercase=loaded.lowercase
        )
        self._tokens_per_batch = max(tokens_per_batch, max_tokens)
        self._length_step = length_step
        cpu.one_thread_a_program()
        self.model = _POOLED[pooling](backbone, self.layers)
        self._run = tf.function(
            self.stacks_of_ids, jit_compile=True, reduce_retracing=False
        )
        self.gelu = loaded.gelu
        self.pooling = pooling
        self.dtype = dtype

    def stacks_of_ids(self, ids: tf.Tensor) -> tf.Tensor:
        """`(N, T)` int32 padded ids to `(N, L, D)` float32 stacks."""
        return self.model(
            {
                "token_ids": ids,
                "segment_ids": tf.zeros_like(ids),
                "padding_mask": ids != self.tokenizer.pad_id,
            },
            training=False,
        )

    def count_tokens(self, texts: list[str]) -> np.ndarray:
        """Tokens of each text before anything is cut off, `(N,)` int32."""
        _, lengths = self.tokenizer.ids(
            tf.constant(texts), tf.constant(self.max_tokens)
        )
        return lengths.numpy()

    def encode(
        self,
        texts: list[str],
        *,
        progress: Callable[[int], object] = lambda _: None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encodes texts.

        Batches depend on `texts` alone: the same list gives the same bytes,
        whatever was encoded before. Longest first, each batch padded to a
        multiple of `length_step` and, with empty texts, to the token budget.

        Args:
            texts: N texts.
            progress: Called with the number of texts after each batch.

        Returns:
            Stacks `(N, L, D)` float32, and the tokens each text has before
            anything is cut off, `(N,)` int32.
        """
        stacks = np.empty((len(texts), *self.stack_shape), np.float32)
        if not texts:
            return stacks, np.empty(0, np.int32)
        padded, lengths = self.tokenizer.ids(
            tf.constant(texts), tf.constant(self.max_tokens)
        )
        padded, lengths = padded.numpy(), lengths.numpy()
        kept = np.minimum(lengths, self.max_tokens)
        batches = self._batches(np.argsort(-kept, kind="stable"), kept)

        def encode_batch(batch: tuple[np.ndarray, int, int]) -> np.ndarray:
            rows, width, size = batch
            ids = np.full((size, width), self.tokenizer.pad_id, np.int32)
            ids[:, 0] = padded[0, 0]  # [CLS]: no row attends to nothing
            used = min(width, padded.shape[1])
            ids[: len(rows), :used] = padded[rows, :used]
            try:
                encoded = self._run(tf.constant(ids))
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError(
                    f"Out of memory on a batch of {size} texts of {width} "
                    "tokens. Lower --tokens_per_batch (now "
                    f"{self._tokens_per_batch}) or --max_tokens."
                ) from error
            return encoded.numpy()[: len(rows)]

        pool = futures.ThreadPoolExecutor(_batches_at_once())
        try:
            encoded = pool.map(encode_batch, batches)
            for (rows, _, _), vectors in zip(batches, encoded, strict=True):
                stacks[rows] = vectors
                progress(len(rows))
        finally:  # an error or Ctrl-C must not wait for what is queued
            pool.shutdown(cancel_futures=True)
        return stacks, lengths

    def _batches(
        self, order: np.ndarray, kept: np.ndarray
    ) -> list[tuple[np.ndarray, int, int]]:
        """Rows, padded width and padded size of each batch."""
        batches = []
        start = 0
        while start < len(order):
            width = self._padded_width(kept[order[start]])
            size = self._tokens_per_batch // width
            batches.append((order[start : start + size], width, size))
            start += size
        return batches

    def _padded_width(self, length: int) -> int:
        steps = -(-length // self._length_step)
        return min(steps * self._length_step, self.max_tokens)


def _batches_at_once() -> int:
    """One a core; on a GPU as many as keep it busy, for its memory's sake."""
    if tf.config.list_logical_devices("GPU"):
        return _BATCHES_AT_ONCE
    return max(_BATCHES_AT_ONCE, cpu.count())


def _mean_model(backbone: keras.Model, layers: list[int]) -> keras.Model:
    """Means over each text's own tokens."""
    mask = keras.ops.cast(backbone.input["padding_mask"], "float32")
    share = mask / keras.ops.sum(mask, axis=1, keepdims=True)
    means = [
        keras.ops.sum(
            backbone.transformer_layers[i].output * share[..., None], axis=1
        )
        for i in layers
    ]
    return keras.Model(backbone.inputs, _stacked(means), name="mean_stack")


def _cls_model(backbone: keras.Model, layers: list[int]) -> keras.Model:
    """Cuts the [CLS] vectors out; nothing that they do not need is computed.

    Behind the last layer only its first row is read, so only that is made:
    a sixth to a twelfth of the network less.
    """
    states = [backbone.get_layer("embeddings_dropout").output]
    states += [layer.output for layer in backbone.transformer_layers]
    vectors = [states[layer + 1][:, 0] for layer in layers[:-1]]
    last = layers[-1]
    first_row = _FirstRow(backbone.transformer_layers[last])
    vectors.append(first_row(states[last], backbone.input["padding_mask"]))
    return keras.Model(backbone.inputs, _stacked(vectors), name="cls_stack")


def _stacked(vectors: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Vectors `(N, D)` of each layer to `(N, L, D)` float32."""
    return keras.ops.cast(keras.ops.stack(vectors, axis=1), "float32")


class _FirstRow(keras.layers.Layer):
    """keras-hub's `TransformerEncoder` for the query of row 0 alone.

    Post-norm and without dropout, as BERT runs it: Devlin et al. 2018, arXiv
    1810.04805. For one query neither keys nor values need be made: with
    states x_j, a head's q (x_j K + b) is (q K') x_j and a constant, which its
    softmax does not see; and the sum of a_j (x_j V + c) is
    (sum of a_j x_j) V + c.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        """Computes with the weights of `layer`."""
        super().__init__(dtype=layer.dtype_policy, name="first_row")
        self._layer = layer

    def call(
        self, states: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        """States `(N, T, D)` and padding mask `(N, T)` to `(N, D)`."""
        first = states[:, 0]
        layer, attention = self._layer, self._layer._self_attention_layer
        query = attention._query_dense(states[:, :1])[:, 0]
        query *= keras.ops.cast(query.shape[-1] ** -0.5, query.dtype)
        asked = keras.ops.einsum(
            "nhd,xhd->nhx", query, attention._key_dense.kernel
        )
        scores = keras.ops.einsum("nhx,ntx->nht", asked, states)
        seen = keras.ops.cast(mask, "bool")[:, None]
        shares = keras.ops.softmax(keras.ops.where(seen, scores, -1e9))
        mixed = keras.ops.einsum("nht,ntx->nhx", shares, states)
        values = keras.ops.einsum(
            "nhx,xhd->nhd", mixed, attention._value_dense.kernel
        )
        values += attention._value_dense.bias
        attended = attention._output_dense(values[:, None])[:, 0]
        x = layer._self_attention_layer_norm(attended + first)
        y = layer._feedforward_intermediate_dense(x)
        y = layer._feedforward_output_dense(y)
        return layer._feedforward_layer_norm(x + y)


_POOLED = {"cls": _cls_model, "mean": _mean_model}
