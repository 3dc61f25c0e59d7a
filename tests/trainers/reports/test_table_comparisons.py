"""What a table says of itself beside published accuracies and peers."""

import numpy as np
import pytest

from trainers.config import TrainConfig
from trainers.reports import table_comparisons
from trainers.reports.table_sections import TrainedRow

DETAILS = {
    "encoder": {"source": "/models/bert-base-uncased"},
    "stacks": {"corpus": "imdb_reviews"},
}
SIZES = (40_000, 10_000)
LABELS = np.array([0, 1] * 8)


def row(accuracy, **settings):
    return TrainedRow(
        "vgg16",
        TrainConfig(backbone="vgg16", **settings),
        metrics=[{"accuracy": accuracy}],
        right=[LABELS == 0],
    )


def published(rows, sizes=SIZES, details=DETAILS):
    return "\n".join(table_comparisons.published_table(rows, sizes, details))


# 0.81 in July 2021, 0.86 in the last version, 0.813 in the reproduction.
@pytest.mark.parametrize(
    ("accuracy", "agrees"),
    [
        (0.812, "the paper, July 2021, the reproduction"),
        (0.86, "its last version"),
        (0.84, "none"),
    ],
)
def test_what_agrees_with_published_accuracies_is_named(accuracy, agrees):
    text = published([row(accuracy)])
    assert "Corpus, split, encoder and weights are those of the paper." in text
    assert f"| {agrees} |" in text
    assert f"| {100 * (accuracy - 0.81):+.2f} |" in text


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"rows": [row(0.8, weights="random")]}, "weights random, there"),
        ({"sizes": (4000, 10_000)}, "texts 4,000 / 10,000, there"),
        ({"details": {}}, "corpus not recorded, there IMDB"),
        (
            {"details": {**DETAILS, "encoder": {"source": "a/mini"}}},
            "encoder mini, there BERT base",
        ),
    ],
)
def test_another_setting_is_no_verdict(changes, differs):
    text = published(**{"rows": [row(0.8)], **changes})
    assert "Not the setting of the paper" in text
    assert differs in text


def test_without_published_backbones_there_is_no_section():
    assert not table_comparisons.published_table([], SIZES, DETAILS)


def test_peers_are_tested_on_the_same_texts():
    peers = {
        "same": {"predictions": [0] * 16},
        # Right where the row is wrong, eight times: p = 2 / 2^8.
        "better": {"predictions": LABELS.tolist()},
    }
    known = {"accuracy": 0.5, "seconds": 1234.4, "model": "one"}
    text = "\n".join(
        table_comparisons.peer_table(
            {name: {**known, **peer} for name, peer in peers.items()},
            [row(0.5), TrainedRow("alexnet")],
            LABELS,
        )
    )
    assert "| same | one | 0.5000 | 1,234 | 1 |" in text
    assert "| better | one | 0.5000 | 1,234 | 0.0078 |" in text
    assert not table_comparisons.peer_table({}, [], LABELS)
