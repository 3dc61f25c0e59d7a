r"""WordPiece ids of real texts: ours inside the graph, tokenizers (Rust).

    python -m benchmarks.tokenisation --encoder=BERT_DIR \
        --dataset=imdb_reviews --data_dir=TFDS_DIR --texts=2000

One call over all texts on either side, cut at 512 tokens. Ours runs on one
thread, the peer on all. The encoder's input wait is the share of its time
that goes to tokenising the same texts.
"""

import pathlib
from typing import Any

from benchmarks import measuring


def rust(directory: str, threads: int) -> Any:
    """Hugging Face tokenizers from `tokenizer.json`, or None."""
    tokenizers = measuring.peer("tokenizers")
    file = pathlib.Path(directory) / "tokenizer.json"
    if (
        tokenizers is None
        or not (pathlib.Path(directory) / "vocab.txt").is_file()
    ):
        print("tokenizers is not timed: it needs a Hugging Face directory.\n")
        return None
    import os

    os.environ["RAYON_NUM_THREADS"] = str(threads)
    made = tokenizers.Tokenizer.from_file(str(file))
    made.enable_truncation(512)
    made.no_padding()
    return made


def main() -> None:
    """Prints one row per side, and the encoder's wait."""
    made = measuring.parser(__doc__)
    measuring.add_corpus(made, texts=2000)
    made.add_argument("--encoder", default="mini")
    made.add_argument("--encode", type=int, default=128, help="0: no wait")
    flags = made.parse_args()

    import tensorflow as tf

    from text2image.bert import checkpoint, encoder

    measuring.start(flags)
    texts = measuring.read_texts(flags)
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
    measuring.print_table(
        ("side", "texts/s", "MB/s", "ours / it"),
        [
            (
                name,
                measuring.number(len(texts) / value, 0),
                measuring.number(size / 1e6 / value),
                measuring.ratio(value, seconds["ours"]),
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
