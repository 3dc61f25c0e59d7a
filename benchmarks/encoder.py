r"""Texts to [CLS] stacks: ours, transformers (eager, sdpa), onnxruntime.

    python -m benchmarks.encoder --encoder=BERT_DIR --dataset=imdb_reviews \
        --data_dir=TFDS_DIR

From strings to stacks, tokenisation included. Every side sorts its texts by
length and batches them by a token budget; the peers' budget is larger, because
they split a batch among the threads. The limit is a plain 2048 x 2048
`tf.matmul`, timed after them. Operations are counted without padding: all rows
of all layers (what the peers compute), and what the stacks need (only the first
row of the last layer).
"""

import functools
import pathlib
import tempfile
from collections.abc import Sequence
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
    parser.add_argument("--tokens_per_batch", type=int, default=512)
    parser.add_argument("--length_step", type=int, default=64)
    parser.add_argument("--peer_tokens_per_batch", type=int, default=2048)
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="Also time ours in bfloat16, on hardware that has it.",
    )
    flags = parser.parse_args(argv)

    torch = peers.import_torch()  # before TensorFlow
    command.start(
        flags,
        "tensorflow-text",
        "torch",
        "transformers",
        "tokenizers",
        "onnx",
        "onnxruntime",
    )
    from text2image.bert import checkpoint, encoder

    texts = command.read_texts(flags.dataset, flags.data_dir, flags.texts)
    source = checkpoint.locate(flags.encoder)
    backbone = checkpoint.load_checkpoint(source).backbone
    encoders = {
        name: encoder.Encoder(
            source,
            layers=f"last{backbone.num_layers}",
            max_tokens=min(512, backbone.max_sequence_length),
            tokens_per_batch=flags.tokens_per_batch,
            length_step=flags.length_step,
            dtype=dtype,
        )
        for name, dtype in (("ours", "float32"), ("ours, bfloat16", "bfloat16"))
        if dtype == "float32" or flags.bfloat16
    }
    ours = encoders["ours"]
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
        {"matmul": operations.matmul()}, 10, flags.clock
    )
    limit = operations.MATMUL_FLOPS / multiplied["matmul"]
    lengths = np.minimum(ours.count_tokens(texts), ours.max_tokens)
    whole, needed = flops(lengths, backbone)
    print(
        f"{len(texts)} texts, {lengths.mean():.0f} tokens on average; "
        f"tf.matmul of 2048 x 2048: {limit / 1e9:.0f} GFLOP/s\n"
    )
    printing.print_table(
        (
            "side",
            "texts/s",
            "ours / other",
            "of the limit, all rows",
            "of the limit, rows needed",
            "largest difference",
            "least cosine",
        ),
        [
            (
                name,
                printing.number(len(texts) / seconds[name]),
                printing.ratio(seconds[name], seconds["ours"]),
                f"{whole / seconds[name] / limit:.0%}",
                f"{needed / seconds[name] / limit:.0%}",
                f"{np.abs(stacks[name] - stacks['ours']).max():.1e}",
                f"{least_cosine(stacks[name], stacks['ours']):.6f}",
            )
            for name in calls
        ],
    )


def _stacks(bert: Any, texts: list[str]) -> np.ndarray:
    return bert.encode(texts)[0]


def _transformers(source: str, attention: str, flags: Any) -> Any:
    return peers.hugging_face(
        source,
        attention,
        flags.threads,
        flags.device,
        flags.peer_tokens_per_batch,
    )


if __name__ == "__main__":
    main()
