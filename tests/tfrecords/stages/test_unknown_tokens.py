"""[UNK] is counted, warned of and refused before anything is encoded."""

import logging

import pytest

from text2image.bert.encoder import Encoder
from tfrecords.stages import unknown_tokens


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    return Encoder(tiny_bert, layers="last1", max_tokens=8)


@pytest.mark.parametrize(
    ("texts", "unknown", "total"),
    [
        ([], 0, 0),
        (["", "  "], 0, 0),
        (["a film"], 0, 2),
        (["a film", "😀 这"], 2, 4),
        (["a 😀"], 1, 2),
        (["film " * 20], 0, 6),
        (["film " * 6 + "😀"], 0, 6),
        (["😀 " * 20], 6, 6),
    ],
)
def test_only_kept_tokens_count(encoder, texts, unknown, total):
    assert encoder.tokenize(texts).num_unknown == unknown
    counts = unknown_tokens.UnknownTokens()
    for text in texts:
        counts.add(encoder.tokenize([text]))
    assert counts.share == unknown / max(total, 1)


def test_texts_that_the_vocabulary_lacks_are_refused(encoder):
    texts = ["😀 🎬", "😀"]
    with pytest.raises(ValueError, match=r"100\.0% \[UNK\].*mini.*--encoder"):
        unknown_tokens.check_vocabulary(encoder, "mini", texts)
    unknown_tokens.check_vocabulary(encoder, "mini", [*texts, "a film " * 5])
    unknown_tokens.check_vocabulary(encoder, "mini", ["", ""])


def test_only_the_first_texts_are_read(encoder):
    def endless():
        while True:
            yield "a film"

    unknown_tokens.check_vocabulary(encoder, "mini", endless())


@pytest.mark.parametrize(("share", "warns"), [(0.05, False), (0.051, True)])
def test_more_than_five_percent_is_warned_of(share, warns, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        unknown_tokens.warn(share)
    assert bool(caplog.records) == warns


def test_old_manifests_have_no_share():
    assert unknown_tokens.describe({}) == ""
    found = unknown_tokens.describe({"unknown_share": 0.0123})
    assert found == ", 1.2% of the tokens unknown"
