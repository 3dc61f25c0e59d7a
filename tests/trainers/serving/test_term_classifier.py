"""TF-IDF in the graph: parity with scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from text2image.corpora import texts as corpora
from trainers.selection import linear, term_counts, tfidf
from trainers.serving.term_classifier import TermClassifier

ODD = [
    "",
    "x",
    "unseenword",
    "\x00",
    "½ ² straße ΣΊΣΥΦΟΣ 日本語 😀",
    "film " * 400,
]


@pytest.fixture(scope="module")
def reviews():
    examples = list(corpora.open_corpus("demo").parts["train"]())
    examples = examples[:40] + examples[-40:]
    classes = sorted({example.label for example in examples})
    labels = np.array([classes.index(example.label) for example in examples])
    return [example.text for example in examples], labels


def fitted(texts, labels, kinds, num_classes):
    counted = {kind: term_counts.count(texts, kind) for kind in kinds}
    counts = {kind: part.counts for kind, part in counted.items()}
    rows = tfidf.rows_of(counts, np.arange(len(texts)), counts)
    model = linear.fit(rows.train, labels, num_classes, 10.0, tolerance=1e-7)
    return TermClassifier(tfidf.weights(counted, rows.weightings, model))


@pytest.mark.parametrize("num_classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(reviews, num_classes):
    texts, labels = reviews
    labels = labels if num_classes == 2 else np.arange(len(texts)) % 3
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=1000, tol=1e-7),
    ).fit(texts, labels)
    classifier = fitted(texts, labels, ("words",), num_classes)
    asked = [*texts[:20], *ODD]
    received = tf.nn.softmax(classifier.logits(tf.constant(asked))).numpy()
    np.testing.assert_allclose(
        received, pipeline.predict_proba(asked), atol=1e-5
    )


def test_an_answer_does_not_depend_on_the_other_texts(reviews):
    texts, labels = reviews
    classifier = fitted(texts, labels, ("words", "characters"), 2)
    together = classifier.logits(tf.constant([*texts[:8], *ODD])).numpy()
    alone = np.concatenate(
        [
            classifier.logits(tf.constant([text])).numpy()
            for text in [*texts[:8], *ODD]
        ]
    )
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_too_many_terms_are_refused_with_a_cure(monkeypatch):
    monkeypatch.setattr(term_counts, "MOST_PAIRS", 3)
    with pytest.raises(MemoryError, match=r"--limit_train="):
        term_counts.count(["one two three four"], "words")
