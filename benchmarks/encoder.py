r"""Texts to [CLS] stacks: ours, transformers (eager, sdpa), onnxruntime.

    python -m benchmarks.encoder --encoder=BERT_DIR --dataset=imdb_reviews \
        --data_dir=TFDS_DIR

From strings to stacks, tokenisation included. Every side sorts its texts by
length and batches them by a token budget; the peers' budget is larger, because
they split a batch among the threads. A second table says where the time of our
sides goes: the seconds until all shapes are compiled, the seconds of
tokenisation alone, what padding adds, and the device's idle share: encoding
against the same padded batches back to back. The limit is a plain 2048 x 2048
`tf.matmul`, timed after them. Operations are counted without padding: all rows
of all layers (what the peers compute), and what the stacks need (only the first
row of the last layer).
"""

import functools
import itertools
import pathlib
import tempfile
import time
from collections.abc import Sequence
from concurrent import futures
from typing import Any

import numpy as np

from benchmarks import command, measuring, operations, peers, printing


def flops(lengths: np.ndarray, backbone: Any) -> tuple[float, float]:
    """Counts the operations of a BERT.

    Args:
        lengths: Tokens of each text.
        backbone: Gives `hidden_dim`, `intermediate_dim`, `num_layers`.

    Returns:
        Operations of all rows of all layers; and without the rows of the last
        layer that no stack reads.
    """
    hidden, inner = backbone.hidden_dim, backbone.intermediate_dim
    tokens, pairs = (
        float(lengths.sum()),
        float(np.square(lengths, dtype=float).sum()),
    )
    keys_values = 2 * 2 * tokens * hidden**2
    # Query and output projections, then the two feed-forward layers.
    by_row = 2 * (2 * hidden**2 + 2 * hidden * inner)
    attention = 2 * 2 * pairs * hidden
    layer = keys_values + by_row * tokens + attention
    last = keys_values + by_row * len(lengths) + 2 * 2 * tokens * hidden
    count = backbone.num_layers
    return count * layer, (count - 1) * layer + last


def least_cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Smallest cosine between vectors `(..., D)` of two sides."""
    sizes = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return float(((one * other).sum(axis=-1) / sizes).min())


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per side."""
    parser = command.parser(__doc__, rounds=2)
    command.add_corpus(parser, texts=256)
    parser.add_argument("--encoder", default="mini")
    parser.add_argument(
        "--engine",
        action="append",
        choices=("tensorflow", "openvino"),
        help="Ours by this engine; repeated: by each. Default: tensorflow.",
    )
    parser.add_argument(
        "--dtype",
        action="append",
        choices=("float32", "bfloat16"),
        help="Ours in this dtype; repeated: in each. Default: float32.",
    )
    parser.add_argument(
        "--xla",
        action="append",
        choices=("on", "off"),
        help="TensorFlow with or without XLA; repeated: both. By default as "
        "the device decides.",
    )
    parser.add_argument(
        "--tokens_per_batch", type=int, default=0, help="0: by device."
    )
    parser.add_argument(
        "--corpus_size",
        type=int,
        default=0,
        help="Choose shapes as for a corpus of this many such texts; 0: of "
        "those that are timed.",
    )
    parser.add_argument("--peer_tokens_per_batch", type=int, default=2048)
    parser.add_argument(
        "--peer_dtype", choices=("float32", "bfloat16"), default="float32"
    )
    flags = parser.parse_args(argv)

    torch = peers.import_torch()  # before TensorFlow
    command.start(
        flags,
        "tensorflow-text",
        "openvino",
        "torch",
        "transformers",
        "tokenizers",
        "onnx",
        "onnxruntime",
    )
    from text2image.bert import checkpoint

    texts = command.read_texts(flags.dataset, flags.data_dir, flags.texts)
    source = checkpoint.locate(flags.encoder)
    backbone = checkpoint.load_checkpoint(source).backbone
    encoders = _encoders(flags, source, backbone)
    first, ours = next(iter(encoders.items()))
    tokens = ours.tokenize(texts)
    started = {
        name: _seconds(bert.prepare, tokens, flags.corpus_size or len(texts))
        for name, bert in encoders.items()
    }
    sides: dict[str, Any] = {
        name: functools.partial(_stacks, bert)
        for name, bert in encoders.items()
    }
    if not (pathlib.Path(source) / "vocab.txt").is_file():
        print("The peers read Hugging Face directories only: not timed.\n")
    elif torch is not None:
        with tempfile.TemporaryDirectory() as scratch:
            sides |= {
                "transformers eager": _transformers(source, "eager", flags),
                "transformers sdpa": _transformers(source, "sdpa", flags),
                "onnxruntime": peers.onnx_runtime(
                    source,
                    flags.threads,
                    flags.device,
                    flags.peer_tokens_per_batch,
                    scratch,
                ),
            }
    stacks: dict[str, np.ndarray] = {}

    def encode(name: str) -> None:
        stacks[name] = sides[name](texts)

    calls: dict[str, Any] = {
        name: functools.partial(encode, name)
        for name, side in sides.items()
        if side is not None
    }
    seconds = measuring.alternate(calls, flags.rounds, flags.clock)
    # Separately and often: threads of a peer keep spinning after its call.
    multiplied = measuring.alternate(
        {"matmul": operations.matmul(ours.computing.dtype)}, 10, flags.clock
    )
    limit = operations.MATMUL_FLOPS / multiplied["matmul"]
    whole, needed = flops(tokens.kept, backbone)
    print(
        f"{len(texts)} texts, {tokens.kept.mean():.0f} tokens on average; "
        f"tf.matmul of 2048 x 2048, {ours.computing.dtype}: "
        f"{limit / 1e9:.0f} GFLOP/s\n"
    )
    printing.print_table(
        (
            "side",
            "texts/s",
            f"{first} / other",
            "of the limit, all rows",
            "of the limit, rows needed",
            "largest difference",
            "least cosine",
        ),
        [
            (
                name,
                printing.number(len(texts) / seconds[name]),
                printing.ratio(seconds[name], seconds[first]),
                f"{whole / seconds[name] / limit:.0%}",
                f"{needed / seconds[name] / limit:.0%}",
                f"{np.abs(stacks[name] - stacks[first]).max():.1e}",
                f"{least_cosine(stacks[name], stacks[first]):.6f}",
            )
            for name in calls
        ],
    )
    printing.print_table(
        (
            "ours",
            "tokens per batch",
            "widths",
            "until started, s",
            "tokenising, s",
            "encoding, s",
            "device idle",
            "padding, of the tokens",
            "of the operations",
        ),
        [
            (
                name,
                bert.computing.tokens_per_batch,
                ", ".join(map(str, bert.shapes.widths)),
                f"{started[name]:.1f}",
                f"{_seconds(bert.tokenize, texts):.2f}",
                f"{seconds[name]:.1f}",
                f"{1 - device_seconds(bert, tokens) / seconds[name]:.1%}",
                *_padding(bert, tokens.kept, backbone),
            )
            for name, bert in encoders.items()
        ],
    )


def _encoders(flags: Any, source: str, backbone: Any) -> dict[str, Any]:
    """Our sides by name, one for each engine, dtype and use of XLA."""
    from text2image.bert import encoder

    sides = {}
    for engine, dtype, xla in itertools.product(
        flags.engine or ["tensorflow"],
        flags.dtype or ["float32"],
        flags.xla or [None],
    ):
        if engine != "tensorflow" and xla not in (None, "on"):
            continue
        words = (engine, dtype, xla and f"XLA {xla}")
        sides[f"ours, {' '.join(filter(None, words))}"] = encoder.Encoder(
            source,
            layers=f"last{backbone.num_layers}",
            max_tokens=min(512, backbone.max_sequence_length),
            tokens_per_batch=flags.tokens_per_batch,
            engine=engine,
            dtype=dtype,
            compiled=None if xla is None else xla == "on",
        )
    return sides


def device_seconds(bert: Any, tokens: Any) -> float:
    """Seconds of the padded batches back to back, results left where they are.

    The best of two.
    """
    import tensorflow as tf

    padded = [
        bert.pad(tokens, batch) for batch in bert.shapes.batches(tokens.kept)
    ]
    run = bert.run
    if bert.computing.engine == "tensorflow":
        padded = [tf.constant(ids) for ids in padded]
        run = bert.run.function

    def compute() -> None:
        with futures.ThreadPoolExecutor(bert.computing.batches_at_once) as pool:
            for stacks in list(pool.map(run, padded)):
                np.asarray(stacks)  # waits for it

    return min(_seconds(compute), _seconds(compute))


def _padding(bert: Any, kept: np.ndarray, backbone: Any) -> tuple[str, str]:
    """What padding adds to tokens and to the operations that are needed."""
    batches = list(bert.shapes.batches(kept))
    padded = np.repeat([b.width for b in batches], [b.rows for b in batches])
    more_operations = flops(padded, backbone)[1] / flops(kept, backbone)[1] - 1
    return f"{padded.sum() / kept.sum() - 1:.1%}", f"{more_operations:.1%}"


def _seconds(call: Any, *args: Any) -> float:
    begin = time.perf_counter()
    call(*args)
    return time.perf_counter() - begin


def _stacks(bert: Any, texts: list[str]) -> np.ndarray:
    return bert.encode(texts)[0]


def _transformers(source: str, attention: str, flags: Any) -> Any:
    return peers.hugging_face(
        source,
        attention,
        flags.threads,
        flags.device,
        flags.peer_tokens_per_batch,
        flags.peer_dtype,
    )


if __name__ == "__main__":
    main()
