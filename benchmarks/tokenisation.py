r"""WordPiece ids of real texts: ours inside the graph, tokenizers (Rust).

    python -m benchmarks.tokenisation --encoder=BERT_DIR \
        --dataset=imdb_reviews --data_dir=TFDS_DIR --texts=2000

One call over all texts on each side, cut at 512 tokens. Ours runs on one
thread, the peer on all. The encoder's input wait is the share of its time that
goes to tokenising the same texts.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from benchmarks import command, measuring, peers, printing


def rust(directory: str, threads: int) -> Any:
    """Hugging Face tokenizers from `tokenizer.json`, or None."""
    tokenizers = peers.import_peer("tokenizers")
    file = pathlib.Path(directory) / "tokenizer.json"
    if (
        tokenizers is None
        or not (pathlib.Path(directory) / "vocab.txt").is_file()
    ):
        print("tokenizers is not timed: it needs a Hugging Face directory.\n")
        return None
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    tokenizer = tokenizers.Tokenizer.from_file(str(file))
    tokenizer.enable_truncation(512)
    tokenizer.no_padding()
    return tokenizer


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per side, and the encoder's wait."""
    parser = command.parser(__doc__)
    command.add_corpus(parser, texts=2000)
    parser.add_argument("--encoder", default="mini")
    parser.add_argument(
        "--encode",
        type=int,
        default=128,
        help="Texts whose wait is measured; 0: none.",
    )
    flags = parser.parse_args(argv)

    command.start(flags, "tensorflow-text", "tokenizers")
    import tensorflow as tf

    from text2image.bert import checkpoint, encoder

    texts = command.read_texts(flags.dataset, flags.data_dir, flags.texts)
    source = checkpoint.locate(flags.encoder)
    bert = encoder.Encoder(source, layers="last1")
    strings, limit = tf.constant(texts), tf.constant(bert.max_tokens)
    peer = rust(source, flags.threads)
    seconds = measuring.alternate(
        {
            "ours": lambda: bert.tokenizer.ids(strings, limit)[0].numpy(),
            "tokenizers": None
            if peer is None
            else lambda: [row.ids for row in peer.encode_batch(texts)],
        },
        flags.rounds,
        flags.clock,
    )
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts)} texts, {size / 1e6:.1f} MB\n")
    printing.print_table(
        ("side", "texts/s", "MB/s", "ours / other"),
        [
            (
                name,
                printing.number(len(texts) / value, 0),
                printing.number(size / 1e6 / value),
                printing.ratio(value, seconds["ours"]),
            )
            for name, value in seconds.items()
        ],
    )
    if flags.encode:
        some = texts[: flags.encode]
        few = tf.constant(some)
        parts = measuring.alternate(
            {
                "tokens": lambda: bert.tokenizer.ids(few, limit)[0].numpy(),
                "all": lambda: bert.encode(some),
            },
            flags.rounds,
            flags.clock,
        )
        print(
            f"encoder's input wait on {len(some)} texts: "
            f"{parts['tokens'] / parts['all']:.2%}"
        )


if __name__ == "__main__":
    main()
