"""Texts to stacks of BERT vectors, `(N, L, D)`."""

from collections.abc import Callable, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from text2image import options
from text2image.bert import checkpoint, computing
from text2image.bert.batches import Batch, Shapes, choose_widths
from text2image.bert.engines import ENGINES, run_model
from text2image.bert.layers import check_max_tokens, parse_layers
from text2image.bert.long_texts import LongTexts, split_windows
from text2image.bert.pooling import MODEL_BUILDERS
from text2image.bert.tokenizer import Tokenizer
from text2image.bert.tokens import Tokens


class Encoder:
    """BERT reduced to one vector per text for each chosen layer.

    Attributes:
        stack_shape: (L, D).
        layers: The layers' indices.
        max_tokens: Most tokens kept per text.
        gelu: `exact` or `tanh`, as the checkpoint computes it.
        pooling: One of `options.POOLINGS`.
        long_texts: What the encoder sees of a long text.
        clean: One of `options.CLEANINGS`.
        computing: Engine, dtype and batch size, resolved for this device.
        tokenizer: The checkpoint's own.
        backbone: BERT with all its layers.
        model: Token ids, segment ids and mask to stacks, as
            `pooling.MODEL_BUILDERS` makes it.
        shapes: Shapes of batches, chosen by `prepare`; `None` before it.
        run: Padded ids to stacks, by the engine.
    """

    def __init__(
        self,
        source: str,
        *,
        layers: str = "last6",
        max_tokens: int = 512,
        tokens_per_batch: int = 512,
        pooling: str = "cls",
        long_texts: str = "cut",
        clean: str = "none",
        dtype: str = "float32",
        engine: str = "tensorflow",
        compiled: bool | None = None,
    ) -> None:
        """Loads a checkpoint.

        Args:
            source: See `checkpoint.load_checkpoint`.
            layers: See `parse_layers`.
            max_tokens: Most tokens kept per text.
            tokens_per_batch: Tokens per batch, padding included; at least
                `max_tokens`; 0: by device. Part of the stacks' provenance:
                another value changes their last bits.
            pooling: `cls`: the vector of [CLS]. `mean`, `max`: the mean or
                maximum over all tokens of a text, [CLS] and [SEP] included.
                `first_last`: the mean of that mean in the first and in the
                last layer, one row whatever the `layers`.
            long_texts: Which tokens are kept of a text that has more, one of
                `options.LONG_TEXTS`; see `long_texts`.
            clean: What is taken out of texts before, one of
                `options.CLEANINGS`; see `cleaning`.
            dtype: One of `options.ENCODER_DTYPES`: type of the products; by
                TensorFlow of weights and all other values too. Stacks are
                float32 either way.
            engine: One of `options.ENCODER_ENGINES`.
            compiled: See `computing.resolve`.

        Raises:
            FileNotFoundError: If the checkpoint is missing or incomplete.
            ValueError: If the encoder has fewer positions or layers; or
                `pooling`, `long_texts`, `clean`, `dtype` or `engine` is
                unknown; or the engine is not installed or does not run on this
                device.
        """
        for name, value, allowed in (
            ("pooling", pooling, options.POOLINGS),
            ("long_texts", long_texts, options.LONG_TEXTS),
            ("clean", clean, options.CLEANINGS),
            ("dtype", dtype, options.ENCODER_DTYPES),
            ("engine", engine, options.ENCODER_ENGINES),
        ):
            if value not in allowed:
                raise ValueError(
                    f"`{name}` must be one of {allowed}. Received: {value!r}"
                )
        located = checkpoint.locate(source)
        self.computing = computing.resolve(
            engine,
            dtype,
            tokens_per_batch,
            hidden_dim=computing.hidden_dim(located),
            compiled=compiled,
        )
        by_tensorflow = self.computing.engine == "tensorflow"
        loaded = checkpoint.load_checkpoint(
            located, self.computing.dtype if by_tensorflow else "float32"
        )
        backbone = loaded.backbone
        check_max_tokens(max_tokens, backbone.max_sequence_length)
        self.layers = parse_layers(layers, backbone.num_layers, pooling)
        self.max_tokens = max_tokens
        self.stack_shape = (len(self.layers), backbone.hidden_dim)
        self.tokenizer = Tokenizer(loaded.wordpiece, long_texts, clean)
        self.backbone = backbone
        self.model = MODEL_BUILDERS[pooling](backbone, self.layers)
        self.shapes: Shapes | None = None
        self.run = ENGINES[self.computing.engine](
            self.model, self.tokenizer.pad_id, self.computing
        )
        self._started: set[tuple[int, int]] = set()
        self.gelu = loaded.gelu
        self.pooling = pooling
        self.long_texts = LongTexts(long_texts, max_tokens)
        self.clean = clean

    def stacks_of_ids(self, ids: tf.Tensor) -> tf.Tensor:
        """As `engines.run_model`, by TensorFlow whatever the engine."""
        return run_model(self.model, self.tokenizer.pad_id, ids)

    def tokenize(self, texts: Sequence[str | bytes]) -> Tokens:
        """Tokenises texts; other threads compute meanwhile."""
        ids, lengths = (
            tensor.numpy()
            for tensor in self.tokenizer.ids(
                tf.constant(texts, tf.string), tf.constant(self.max_tokens)
            )
        )
        num_unknown = int((ids == self.tokenizer.unk_id).sum())
        if self.long_texts.kind == "windows":
            rows, kept, texts_of_rows = split_windows(
                ids, self.tokenizer.cls_id, self.tokenizer.pad_id
            )
            return Tokens(rows, lengths, kept, num_unknown, texts_of_rows)
        kept = np.minimum(lengths, self.max_tokens)
        return Tokens(ids, lengths, kept, num_unknown)

    def count_tokens(self, texts: list[str]) -> np.ndarray:
        """Counts the tokens of each text before any cut, `(N,)` int32."""
        return self.tokenize(texts).lengths

    def prepare(self, sample: Tokens, num_texts: int) -> None:
        """Chooses the shapes of all batches and starts those of the sample.

        Args:
            sample: The first texts of a corpus.
            num_texts: Number of texts of the corpus.
        """
        shapes = self.choose_shapes(sample, num_texts)
        widths = {shapes.width_of(int(kept)) for kept in sample.kept}
        self._start({(shapes.rows(width), width) for width in widths})

    def choose_shapes(self, sample: Tokens, num_texts: int) -> Shapes:
        """Chooses the shapes of all batches.

        The same sample gives the same shapes on all devices of a kind.

        Args:
            sample: The first texts of a corpus.
            num_texts: Number of texts of the corpus.

        Returns:
            The shapes, which `encode` uses from now on.
        """
        self.shapes = self._choose_shapes(sample, num_texts)
        return self.shapes

    def encode(
        self,
        texts: list[str] | Tokens,
        *,
        progress: Callable[[int], object] = lambda _: None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encodes texts.

        Batches depend on `texts` and the shapes that `prepare` chose alone, no
        matter what was encoded before; without it, shapes are chosen for
        `texts`. Longest first; each batch is padded, with empty texts too, to
        its shape.

        Args:
            texts: N texts, or what `tokenize` made of them.
            progress: Called with the number of texts after each batch.

        Returns:
            Stacks `(N, L, D)` float32, and the number of tokens of each text
            before any cut, `(N,)` int32.

        Raises:
            MemoryError: If a batch does not fit.
        """
        if not len(texts):
            stacks = np.empty((0, *self.stack_shape), np.float32)
            return stacks, np.empty(0, np.int32)
        tokens = texts if isinstance(texts, Tokens) else self.tokenize(texts)
        stacks = np.empty((len(tokens.kept), *self.stack_shape), np.float32)
        shapes = self.shapes or self._choose_shapes(tokens, len(tokens))
        batches = list(shapes.batches(tokens.kept))
        self._start({(batch.rows, batch.width) for batch in batches})
        pool = futures.ThreadPoolExecutor(self.computing.batches_at_once)
        try:
            encoded = pool.map(
                lambda batch: self._encode_ids(self.pad(tokens, batch)), batches
            )
            for batch, vectors in zip(batches, encoded, strict=True):
                stacks[batch.texts] = vectors[: len(batch.texts)]
                progress(tokens.count(batch.texts))
        finally:  # an error or Ctrl-C must not wait for what is queued
            pool.shutdown(cancel_futures=True)
        return tokens.average(stacks), tokens.lengths

    def pad(self, tokens: Tokens, batch: Batch) -> np.ndarray:
        """Returns the padded ids of a batch, `(rows, width)` int32."""
        ids = np.full(
            (batch.rows, batch.width), self.tokenizer.pad_id, np.int32
        )
        ids[:, 0] = self.tokenizer.cls_id  # every row attends to one token
        used = min(batch.width, tokens.ids.shape[1])
        ids[: len(batch.texts), :used] = tokens.ids[batch.texts, :used]
        return ids

    def _choose_shapes(self, sample: Tokens, num_texts: int) -> Shapes:
        return Shapes(
            choose_widths(
                sample.kept,
                num_texts,
                max_tokens=self.max_tokens,
                most=self.computing.max_widths,
                compilation_tokens=self.computing.compilation_tokens,
            ),
            self.computing.tokens_per_batch,
        )

    def _start(self, shapes: set[tuple[int, int]]) -> None:
        """Computes every shape that is new once, one after another.

        XLA compiles it, and a GPU chooses its kernels by timing them: several
        at once would disturb each other.
        """
        if self.computing.engine != "tensorflow":
            return
        new = shapes - self._started
        if not new:
            return
        logging.info(
            "encoder: %s %d shapes",
            "compiling" if self.computing.is_compiled else "starting",
            len(new),
        )
        for rows, width in tqdm.tqdm(
            sorted(new), unit="shape", desc="encoder", leave=False, delay=5
        ):
            ids = np.full((rows, width), self.tokenizer.cls_id, np.int32)
            self._encode_ids(ids)
            self._started.add((rows, width))

    def _encode_ids(self, ids: np.ndarray) -> np.ndarray:
        try:
            return self.run(ids)
        except tf.errors.ResourceExhaustedError as error:
            rows, width = ids.shape
            raise MemoryError(
                f"Out of memory on a batch of {rows} texts of {width} tokens. "
                "Lower --tokens_per_batch (now "
                f"{self.computing.tokens_per_batch}) or --max_tokens."
            ) from error
