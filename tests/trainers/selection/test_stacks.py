"""Stacks as far as time allows: the encoder that is timed."""

from tfrecords.config import RecordsConfig
from trainers.selection import stacks


def test_the_encoder_that_is_timed_is_the_one_that_encodes(tiny_bert):
    settings = RecordsConfig(
        encoder=str(tiny_bert),
        layers="last1",
        max_tokens=16,
        pooling="mean",
        long_texts="windows",
    )
    timed = stacks.load_encoder(settings, is_compiled=False)
    assert timed.long_texts.kind == "windows"
    assert timed.pooling == "mean"
