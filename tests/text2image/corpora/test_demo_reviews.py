"""The demo reviews: balanced, all different, and not trivial."""

import collections
import json
import re

import pytest

from text2image import assets


@pytest.fixture(scope="module")
def reviews():
    lines = assets.demo_reviews().read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def of_split(reviews, split):
    return [review for review in reviews if review["split"] == split]


def words_of(text):
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def test_split_is_fixed_and_each_part_is_balanced(reviews):
    counts = collections.Counter((r["split"], r["label"]) for r in reviews)
    assert counts == {
        ("train", "neg"): 704,
        ("train", "pos"): 704,
        ("validation", "neg"): 176,
        ("validation", "pos"): 176,
    }


def test_reviews_run_from_a_line_to_paragraphs(reviews):
    lengths = [len(words_of(review["text"])) for review in reviews]
    assert min(lengths) <= 10
    assert max(lengths) >= 120
    assert any("\n" in review["text"] for review in reviews)


def test_no_two_reviews_share_eight_words_in_a_row(reviews):
    seen = {}
    for review in reviews:
        words = words_of(review["text"])
        for start in range(len(words) - 7):
            gram = " ".join(words[start : start + 8])
            assert seen.setdefault(gram, review["id"]) == review["id"], gram


def test_a_bag_of_words_does_not_solve_them(reviews):
    from sklearn import feature_extraction, linear_model, pipeline

    train, validation = (
        of_split(reviews, split) for split in ("train", "validation")
    )
    bag = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(),
        linear_model.LogisticRegression(solver="liblinear"),
    )
    bag.fit([r["text"] for r in train], [r["label"] for r in train])
    accuracy = bag.score(
        [r["text"] for r in validation], [r["label"] for r in validation]
    )
    assert 0.6 < accuracy < 0.95
