"""Runs side by side: paired tests, and what a user would try first."""

import json
import pathlib
from typing import Any

import numpy as np
from absl import logging

from tfrecords import files, reader, schema
from trainers.experiments import significance
from trainers.multimodal import input_pipeline, train
from trainers.runs import workdir as run_files

# Height and width of the pictures that the plain baseline sees.
_PROBE_SIZE = 20


def correct(workdir: pathlib.Path) -> dict[str, bool]:
    """Record id to whether a run's prediction is right."""
    found = run_files.read_predictions(workdir)
    return {key: label == said for key, (label, said) in found.items()}


def mcnemar(one: dict[str, bool], other: dict[str, bool]) -> float:
    """Exact two-sided p that two classifiers are equally often right.

    See `significance.mcnemar`.

    Args:
        one: CaptionedImage to whether it is right.
        other: The same samples.

    Raises:
        ValueError: If the samples differ.
    """
    if set(one) != set(other):
        raise ValueError(
            f"Both must have predicted the same samples. Received: {len(one)} "
            f"and {len(other)}, of which {len(set(one) & set(other))} in both."
        )
    first, second = (
        np.array([found[key] for key in one], bool) for found in (one, other)
    )
    return significance.mcnemar(first, second).p_value


def baselines(records: pathlib.Path) -> dict[str, dict[str, float]]:
    """What a user would try first, on the same split.

    Logistic regression on TF-IDF of title and description (single words and
    pairs), on small pictures, and on both side by side. Kept beside the
    records, since it depends on nothing else. Holds the train split in memory
    as small pictures.

    Returns:
        Name to the figures of `train.figures_of`; small pictures alone where
        no sample of train has a text.
    """
    manifest = reader.open_records(records, kind="multimodal")
    path = records.parent / "baselines.json"
    if path.is_file():
        found = json.loads(path.read_text("utf-8"))
        if found["fingerprint"] == manifest.fingerprint:
            return found["figures"]
    logging.info("baselines: logistic regression on texts and pictures")
    import scipy.sparse
    import sklearn.feature_extraction.text

    splits = {
        split: _plain(records, manifest, split)
        for split in ("train", train.held_out_split(manifest))
    }
    (texts, pictures, labels), held = splits.values()
    scale = pictures.std()
    small = [
        scipy.sparse.csr_matrix((p - pictures.mean(axis=0)) / scale)
        for p in (pictures, held[1])
    ]
    sides = {"small pictures": small}
    if any(text.strip() for text in texts):
        tfidf = sklearn.feature_extraction.text.TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True
        ).fit(texts)
        words = [tfidf.transform(t) for t in (texts, held[0])]
        # Weights of both sides alike: a text's vector has the length 1.
        length = np.sqrt(pictures.shape[1])
        sides |= {
            "TF-IDF": words,
            "TF-IDF and small pictures": [
                scipy.sparse.hstack([text, picture / length]).tocsr()
                for text, picture in zip(words, small, strict=True)
            ],
        }
    figures = {}
    for name, (seen, unseen) in sides.items():
        logits = fit_logits(
            seen,
            labels,
            unseen,
            # The same for every corpus.
            inverse_penalty=0.01 if name == "small pictures" else 10.0,
            num_classes=len(manifest.schema.label_names),
        )
        figures[name] = train.figures_of(logits, held[2])
    value = {"fingerprint": manifest.fingerprint, "figures": figures}
    files.write_bytes(path, json.dumps(value, indent=2).encode())
    return figures


def fit_logits(
    seen: Any,
    labels: np.ndarray,
    unseen: Any,
    *,
    inverse_penalty: float,
    num_classes: int,
) -> np.ndarray:
    """Fits logistic regression and answers other rows.

    Args:
        seen: Rows to learn from, `(N, F)`, dense or sparse.
        labels: `(N,)` int; classes may be missing.
        unseen: Rows to answer, `(n, F)`.
        inverse_penalty: scikit-learn's C.
        num_classes: K.

    Returns:
        Logits `(n, K)`; a class that `labels` lacks has -1e9.
    """
    import sklearn.linear_model

    fitted = sklearn.linear_model.LogisticRegression(
        C=inverse_penalty, max_iter=1000
    ).fit(seen, labels)
    logits = np.full((unseen.shape[0], num_classes), -1e9)
    # Not its decision function: of two classes that is one column.
    logits[:, fitted.classes_] = fitted.predict_log_proba(unseen)
    return logits


def _plain(
    records: pathlib.Path, manifest: schema.Manifest, split: str
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, flat small pictures in [0, 1] and labels of a split."""
    texts: list[str] = []
    pictures, labels = [], []
    for batch in reader.read_records(records, split, manifest=manifest):
        rows = zip(
            batch["title"].numpy(), batch["description"].numpy(), strict=True
        )
        texts += [b"\n".join(pair).decode() for pair in rows]
        pictures += [
            input_pipeline.picture(content, _PROBE_SIZE).numpy().ravel() / 255
            for content in batch["image"]
        ]
        labels.append(batch["label"].numpy())
    return texts, np.stack(pictures), np.concatenate(labels)


def summary(values: list[float]) -> str:
    """Mean and, of several, standard deviation."""
    mean = f"{100 * np.mean(values):.2f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {100 * np.std(values, ddof=1):.2f}"
