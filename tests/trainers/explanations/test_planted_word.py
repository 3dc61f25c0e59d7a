"""A word that decides a made-up corpus is what an explanation names."""

import json

import numpy as np
import pytest

from tests.support import commands
from trainers.explanations.explainer import load_explainer

# The class is this word's; all others are drawn alike for both classes.
PLANTED = {"bread": "water", "stone": "music"}
FILLER = (
    *("the", "a", "of", "and", "this", "film", "story", "scene", "actor"),
    *("camera", "house", "garden", "people", "long", "small", "old", "in"),
)


def corpus(rng, count=400):
    for number in range(count):
        label, word = list(PLANTED.items())[number % 2]
        words = list(rng.choice(FILLER, rng.integers(6, 14)))
        words.insert(rng.integers(len(words) + 1), word)
        yield {"text": f"{' '.join(words)}.", "label": label}


@pytest.mark.slow
def test_the_planted_word_is_named_first(tmp_path):
    lines = [json.dumps(row) for row in corpus(np.random.default_rng(0))]
    (tmp_path / "planted.jsonl").write_text("\n".join(lines))
    done = commands.run(
        "trainers.run",
        "--dataset=planted.jsonl",
        "--backbone=resnet",
        "--workdir=run",
        "--export=false",
        "--baselines=false",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["accuracy"] >= 0.95
    explainer = load_explainer(workdir=str(tmp_path / "run"))
    # Other texts than those of the run.
    rows = list(corpus(np.random.default_rng(1), 60))
    named = 0
    for row, item in zip(
        rows, explainer.explain(row["text"] for row in rows), strict=True
    ):
        first = max(item.words, key=lambda word: word.contribution)
        word = item.text[first.start : first.end]
        named += item.label == row["label"] and word == PLANTED[item.label]
    assert named >= 0.95 * len(rows)
