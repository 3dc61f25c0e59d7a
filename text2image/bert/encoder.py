"""Texts to stacks of BERT vectors, [CLS] or mean, `(N, L, D)`."""

import re
from collections.abc import Callable, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf

from text2image import cpu, options
from text2image.bert import checkpoint
from text2image.bert.pooling import MODEL_BUILDERS
from text2image.bert.tokenizer import Tokenizer

# Padding 512 tokens by steps of 16 instead of 64 takes 11% less time per text,
# but XLA compiles 32 shapes instead of 8: it pays from this many texts on.
_COARSE_STEP, _FINE_STEP = 64, 16
_MANY_TEXTS = 10_000
# Batches in flight, at least: neither a GPU nor a core waits for the host. The
# bytes of a batch do not depend on the other batches.
_MIN_BATCHES_AT_ONCE = 3


def parse_layers(layers: str, num_layers: int) -> list[int]:
    """Reads `--layers`.

    Args:
        layers: `last6` (any count), `all`, or a range `5-10`, both ends
            included. Layer i is keras-hub's `transformer_layer_i`, from 0:
            Hugging Face's `hidden_states[i + 1]`.
        num_layers: Layers of the encoder.

    Returns:
        The layers' indices, ascending.

    Raises:
        ValueError: If it cannot be read or the encoder lacks such a layer.
    """
    if layers == "all":
        return list(range(num_layers))
    last = re.fullmatch(r"last(\d+)", layers)
    between = re.fullmatch(r"(\d+)-(\d+)", layers)
    if last:
        first, final = num_layers - int(last[1]), num_layers - 1
    elif between:
        first, final = int(between[1]), int(between[2])
    else:
        raise ValueError(
            "`layers` must be like `last6`, `all` or `5-10` (from 0, both ends "
            f"included). Received: {layers!r}"
        )
    if not 0 <= first <= final < num_layers:
        raise ValueError(
            f"`layers` must name layers among 0-{num_layers - 1}, the "
            f"{num_layers} of this encoder. Received: {layers!r}. Use "
            "--layers=all (or --text_layers=all)."
        )
    return list(range(first, final + 1))


def check_max_tokens(max_tokens: int, positions: int) -> None:
    """Refuses texts longer than an encoder takes.

    Args:
        max_tokens: Most tokens kept per text.
        positions: Positions of the encoder.

    Raises:
        ValueError: If there are more tokens than positions, or fewer than 3.
    """
    if not 2 < max_tokens <= positions:
        raise ValueError(
            f"`max_tokens` must be in [3, {positions}], the encoder's "
            f"positions. Received: {max_tokens}. Use --max_tokens={positions}."
        )


def length_step(num_texts: int) -> int:
    """Returns the `length_step` with which an `Encoder` takes the least time.

    Args:
        num_texts: Number of texts to encode.
    """
    return _FINE_STEP if num_texts >= _MANY_TEXTS else _COARSE_STEP


class Encoder:
    """BERT reduced to one vector per text for each chosen layer.

    Attributes:
        stack_shape: (L, D).
        layers: The layers' indices.
        max_tokens: Most tokens kept per text.
        gelu: `exact` or `tanh`, as the checkpoint computes it.
        pooling: One of `options.POOLINGS`.
        dtype: One of `options.ENCODER_DTYPES`, for weights and computation.
        tokenizer: The checkpoint's own.
        model: Token ids, segment ids and mask to stacks, as
            `pooling.MODEL_BUILDERS` makes it.
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
            source: See `checkpoint.load_checkpoint`.
            layers: See `parse_layers`.
            max_tokens: Most tokens kept per text, from its start.
            tokens_per_batch: Tokens per batch, padding included; at least
                `max_tokens`. Part of the stacks' provenance: another value
                changes their last bits.
            length_step: Texts are padded to a multiple of it; every multiple
                is compiled once. Changes last bits too.
            pooling: `cls`: the vector of [CLS]. `mean`: the mean over all
                tokens of a text, [CLS] and [SEP] included.
            dtype: Type of weights and computation. `bfloat16` is for hardware
                that multiplies it faster; stacks are float32 either way.

        Raises:
            FileNotFoundError: If the checkpoint is missing or incomplete.
            ValueError: If the encoder has fewer positions or layers, or
                `pooling` or `dtype` is unknown.
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
        check_max_tokens(max_tokens, backbone.max_sequence_length)
        self.layers = parse_layers(layers, backbone.num_layers)
        self.max_tokens = max_tokens
        self.stack_shape = (len(self.layers), backbone.hidden_dim)
        self.tokenizer = Tokenizer(loaded.wordpiece)
        self._tokens_per_batch = max(tokens_per_batch, max_tokens)
        self._length_step = length_step
        self.model = MODEL_BUILDERS[pooling](backbone, self.layers)
        self._run = tf.function(
            self.stacks_of_ids, jit_compile=True, reduce_retracing=False
        )
        self.gelu = loaded.gelu
        self.pooling = pooling
        self.dtype = dtype

    def stacks_of_ids(self, ids: tf.Tensor) -> tf.Tensor:
        """Encodes `(N, T)` int32 padded ids to `(N, L, D)` float32 stacks."""
        return self.model(
            {
                "token_ids": ids,
                "segment_ids": tf.zeros_like(ids),
                "padding_mask": ids != self.tokenizer.pad_id,
            },
            training=False,
        )

    def count_tokens(self, texts: list[str]) -> np.ndarray:
        """Counts the tokens of each text before any cut, `(N,)` int32."""
        _, lengths = self.tokenizer.ids(
            tf.constant(texts), tf.constant(self.max_tokens)
        )
        return lengths.numpy()

    def count_unknown(self, texts: Sequence[str | bytes]) -> tuple[int, int]:
        """Counts `[UNK]` among the tokens of texts that are kept.

        Returns:
            The number of `[UNK]`, and of all tokens, without [CLS] and [SEP].
        """
        if not texts:
            return 0, 0
        ids, lengths = self.tokenizer.ids(
            tf.constant(texts), tf.constant(self.max_tokens)
        )
        kept = np.minimum(lengths.numpy(), self.max_tokens) - 2
        is_unknown = ids.numpy() == self.tokenizer.unk_id
        return int(is_unknown.sum()), int(kept.sum())

    def encode(
        self,
        texts: list[str],
        *,
        progress: Callable[[int], object] = lambda _: None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encodes texts.

        Batches depend on `texts` alone: the same list gives the same bytes,
        no matter what was encoded before. Longest first, each batch padded to a
        multiple of `length_step` and, with empty texts, to the token budget.

        Args:
            texts: N texts.
            progress: Called with the number of texts after each batch.

        Returns:
            Stacks `(N, L, D)` float32, and the number of tokens of each text
            before any cut, `(N,)` int32.

        Raises:
            MemoryError: If a batch does not fit.
        """
        stacks = np.empty((len(texts), *self.stack_shape), np.float32)
        if not texts:
            return stacks, np.empty(0, np.int32)
        padded, lengths = self.tokenizer.ids(
            tf.constant(texts), tf.constant(self.max_tokens)
        )
        padded, lengths = padded.numpy(), lengths.numpy()
        widths = np.minimum(lengths, self.max_tokens)
        batches = self._batches(np.argsort(-widths, kind="stable"), widths)

        def encode_batch(batch: tuple[np.ndarray, int, int]) -> np.ndarray:
            rows, width, size = batch
            ids = np.full((size, width), self.tokenizer.pad_id, np.int32)
            ids[:, 0] = padded[0, 0]  # [CLS]: every row attends to one token
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
        self, order: np.ndarray, widths: np.ndarray
    ) -> list[tuple[np.ndarray, int, int]]:
        """Rows, padded width and padded size of each batch."""
        batches = []
        start = 0
        while start < len(order):
            width = self._padded_width(widths[order[start]])
            size = self._tokens_per_batch // width
            batches.append((order[start : start + size], width, size))
            start += size
        return batches

    def _padded_width(self, length: int) -> int:
        steps = -(-length // self._length_step)
        return min(steps * self._length_step, self.max_tokens)


def _batches_at_once() -> int:
    """One per core; on a GPU only as many as keep it busy, to save memory."""
    if tf.config.list_logical_devices("GPU"):
        return _MIN_BATCHES_AT_ONCE
    return max(_MIN_BATCHES_AT_ONCE, cpu.count())
