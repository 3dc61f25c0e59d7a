"""Shards with their token ids, one shard ahead of the encoder."""

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from typing import Any, Protocol


class Tokenizer(Protocol):
    """An encoder, as far as it is needed here."""

    def tokenize(self, texts: list[str]) -> Any:
        """Does what comes before the encoding."""


def tokenize_ahead(
    encoder: Tokenizer,
    shards: Iterable[tuple[str, int, list[Any]]],
    texts_of: Callable[[Any], list[str]],
) -> Iterator[tuple[str, int, list[Any], Any]]:
    """Reads and tokenises the next shard while the caller encodes one.

    Args:
        encoder: Tokenises.
        shards: What `encoded_records.deal_shards` yields.
        texts_of: Texts of an example.

    Yields:
        Split, index, examples, and the tokens of all their texts.
    """
    remaining = iter(shards)

    def read() -> tuple[str, int, list[Any], Any] | None:
        for split, index, examples in remaining:
            texts = [text for each in examples for text in texts_of(each)]
            return split, index, examples, encoder.tokenize(texts)
        return None

    with futures.ThreadPoolExecutor(1) as pool:
        following = pool.submit(read)
        while (shard := following.result()) is not None:
            following = pool.submit(read)
            yield shard
