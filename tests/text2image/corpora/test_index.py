"""The index of a corpus: its memory per text."""

import tracemalloc

import pytest

from text2image import options
from text2image.corpora.examples import Corpus, Example
from text2image.corpora.split import split_corpus

MOST = 32  # bytes per text


def corpus(num_train, num_test, is_rare):
    """A corpus with repeats whose texts exist only while they are read."""

    def part(numbers):
        return lambda: (
            Example(
                str(number),
                f"text {number - 7 * (number % 50 == 0)}",
                "pos" if is_rare and number % 100 else "ab"[number % 2],
            )
            for number in numbers
        )

    stop = num_train + num_test
    return Corpus(
        name="made",
        parts={
            "train": part(range(num_train)),
            "test": part(range(num_train, stop)),
        },
        label_names=None,
        sha256="0" * 64,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "is_rare"),
    [
        *((protocol, False) for protocol in options.SPLIT_PROTOCOLS),
        ("pooled", True),
    ],
)
def test_index_and_split_take_at_most_32_bytes_per_text(protocol, is_rare):
    split_corpus(corpus(400, 100, False), protocol=protocol)  # imports
    source = corpus(40_000, 10_000, is_rare)
    tracemalloc.start()
    try:
        result = split_corpus(source, protocol=protocol)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.audit["repeats"]["all"] > 900
    assert peak / 50_000 <= MOST
