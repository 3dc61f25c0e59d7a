"""Times prediction from strings: SavedModels and the model in memory.

    python -m benchmarks.serving --workdir=RUN --file=reviews.csv

One SavedModel answers texts one by one, the other (`--export_batching`) in
groups. Each round times all in turn on the same texts, at every batch size; the
table gives the best round, which other programs on the machine disturbed least.
The share outside BERT compares the whole model with its encoder alone on the
same token ids, of the best rounds.
"""

import itertools
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, printing

BATCH_SIZES = (1, 8, 64)
Batch = Any  # a tensor of strings `(N,)` or ids `(N, T)`
Call = Callable[..., Any]


def read(file: str, text_key: str, count: int) -> list[bytes]:
    """Returns the first texts of a file, at most `count`."""
    from text2image.corpora import unlabelled
    from text2image.corpora.rows import Reading

    items = unlabelled.read_texts(file, reading=Reading(text_key=text_key))
    return [item.text.encode() for item in itertools.islice(items, count)]


def in_batches(values: list[bytes], size: int) -> Iterator[Batch]:
    """Yields whole batches of texts, in their order."""
    import tensorflow as tf

    for start in range(0, len(values) - size + 1, size):
        yield tf.constant(values[start : start + size])


def largest_difference(
    model: Any, served: Call, grouped: Call, values: list[bytes]
) -> dict[str, float]:
    """Largest differences of probabilities between models and batch sizes.

    Args:
        model: The `TextClassifier` in memory.
        served: `serving_default` of the SavedModel.
        grouped: The same of the one that groups texts.
        values: UTF-8 texts.

    Returns:
        What is compared to the largest absolute difference.
    """
    import tensorflow as tf

    def probabilities(call: Call, size: int) -> np.ndarray:
        return np.concatenate(
            [
                call(text=tf.constant(values[start : start + size]))[
                    "probabilities"
                ]
                for start in range(0, len(values), size)
            ]
        )

    whole = probabilities(model.serving_default, 32)
    compared = {
        "SavedModel and memory": probabilities(served, 32),
        "batch 32 and 1": probabilities(served, 1),
        "batch 32 and 8": probabilities(served, 8),
        "one by one and in groups": probabilities(grouped, 32),
    }
    return {
        name: float(np.abs(value - whole).max())
        for name, value in compared.items()
    }


def _each(call: Call, batches: list[Batch]) -> measuring.Call:
    """Returns what calls it with every batch."""
    return lambda: [call(batch) for batch in batches]


def print_rates(
    model: Any,
    served: Call,
    grouped: Call,
    values: list[bytes],
    num_rounds: int,
) -> None:
    """Prints one row per batch size."""
    import tensorflow as tf

    bert = model.encoder
    encode = tf.function(
        lambda ids: model.stacks(
            ids, tf.cast(ids != bert.tokenizer.pad_id, tf.int32)
        ),
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    tokens = bert.count_tokens([text.decode() for text in values])
    mean = np.minimum(tokens, bert.max_tokens).mean()
    rows = []
    for size in BATCH_SIZES:
        batches = list(in_batches(values, size))
        ids = [
            bert.tokenizer.ids(batch, tf.constant(bert.max_tokens))[0]
            for batch in batches
        ]
        best = measuring.alternate(
            {
                "served": _each(lambda x: served(text=x), batches),
                "grouped": _each(lambda x: grouped(text=x), batches),
                "memory": _each(
                    lambda x: model.serving_default(text=x), batches
                ),
                "bert": _each(encode, ids),
            },
            num_rounds,
        )
        count = size * len(batches)
        rows.append(
            (
                size,
                printing.number(count / best["served"]),
                printing.number(count / best["grouped"]),
                printing.ratio(best["served"], best["grouped"]),
                printing.number(count / best["memory"]),
                printing.number(1e3 * best["served"] / len(batches), 0),
                f"{1 - best['bert'] / best['memory']:.1%}",
            )
        )
    print(f"{len(values)} texts of {mean:.0f} tokens on average\n")
    printing.print_table(
        (
            "batch",
            "SavedModel, texts/s",
            "in groups, texts/s",
            "in groups faster by",
            "in memory, texts/s",
            "ms per batch (SavedModel)",
            "outside BERT",
        ),
        rows,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Exports the run, compares both models and times them."""
    parser = command.parser(__doc__, rounds=5, without=("clock",))
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--file", required=True)
    parser.add_argument("--text_key", default="text")
    parser.add_argument("--encoder", default=None)
    parser.add_argument("--texts", type=int, default=64)
    flags = parser.parse_args(argv)
    values = read(flags.file, flags.text_key, flags.texts)
    if len(values) < BATCH_SIZES[-1]:
        parser.error(
            f"expected at least {BATCH_SIZES[-1]} texts. Received: "
            f"{len(values)}"
        )
    command.start(flags)
    from trainers import export
    from trainers.runs import loading
    from trainers.serving import saved_model, text_classifier

    run = loading.load_run(flags.workdir)
    model = text_classifier.load_classifier(run, flags.encoder)
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        directory = export.export_run(flags.workdir, out, encoder=flags.encoder)
        elapsed = time.perf_counter() - start
        size = sum(p.stat().st_size for p in pathlib.Path(out).rglob("*"))
        functions, _ = saved_model.load(directory)
        groups, _ = saved_model.load(
            export.export_run(
                flags.workdir, out, encoder=flags.encoder, is_grouped=True
            )
        )
    print(f"\nexport: {elapsed:.1f} s, {size / 1e6:.0f} MB")
    served, grouped = (
        signatures["serving_default"] for signatures in (functions, groups)
    )
    differences = largest_difference(model, served, grouped, values)
    for name, difference in differences.items():
        print(f"largest difference of probabilities, {name}: {difference:.1e}")
    print_rates(model, served, grouped, values, flags.rounds)


if __name__ == "__main__":
    main()
