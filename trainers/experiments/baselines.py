"""What a user would try first, on the same split: is the detour worth it?

Each result is kept as a JSON file beside the data it was fitted on, with its
predictions for the validation texts, so that it can be compared text by text.
"""

import pathlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sklearn.exceptions
import sklearn.feature_extraction.text
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
from absl import logging

from text2image.bert.cleaning import clean_text
from tfrecords import paths, reader, schema
from trainers.experiments import kept_results
from trainers.training.inputs import Inputs

_SEED = 0
# Thousands of correlated features on thousands of texts: weak regularisation
# overfits. Set for stacks of 2,304 features; the penalty grows with the number
# of features, so that the prior spread of the logits stays the same.
_C = 1e-3
_C_FEATURES = 2304
# Most bytes of feature maps, and rows of them that are read at a time.
_MAPS_BYTES = 4 * 10**9
_BLOCK = 256

Splits = dict[str, tuple[Any, np.ndarray]]  # inputs and `(N,)` labels


def logistic_regression(records: paths.Path, array: str) -> dict[str, Any]:
    """Fits logistic regression to standardised stacks or images.

    The result is kept in `baselines.json` beside the records. Holds the values
    in memory that vary within the train split: empty pixels are left out.

    Args:
        records: Directory of `cls` or `image` records.
        array: `stack` or `image`.

    Returns:
        `accuracy` on validation, `num_train`, `num_validation`, `model` (a
        description) and `predictions`, `(num_validation,)` classes in the
        order of the records.
    """
    manifest = reader.open_records(records)

    def fit() -> dict[str, Any]:
        logging.info("baseline: logistic regression on the %ss", array)
        varies = _varying(records, array, manifest)
        splits: Splits = {}
        for split in manifest.splits:
            count = manifest.num_examples(split)
            values = np.empty((count, int(varies.sum())), np.float32)
            labels = np.empty(count, np.int64)
            start = 0
            for batch in reader.read_records(records, split, manifest=manifest):
                rows = batch[array].numpy()
                stop = start + len(rows)
                values[start:stop] = rows.reshape(len(rows), -1)[:, varies]
                labels[start:stop] = batch["label"].numpy()
                start = stop
            splits[split] = values, labels
        return fit_logistic_regression(splits, f"{array}s")

    path = records.parent / "baselines.json"
    return kept_results.read_or_fit(path, manifest.fingerprint, fit)


def _varying(
    records: paths.Path, array: str, manifest: schema.Manifest
) -> np.ndarray:
    """Finds the features that differ between train records; `(F,)` bool."""
    first: np.ndarray | None = None
    varies = np.zeros(int(np.prod(manifest.schema.shape)), bool)
    for batch in reader.read_records(records, "train", manifest=manifest):
        rows = batch[array].numpy().reshape(-1, varies.size)
        first = rows[0] if first is None else first
        varies |= (rows != first).any(axis=0)
    return varies


def frozen_maps(
    inputs: Mapping[str, Inputs],
    path: pathlib.Path,
    fingerprint: str,
) -> dict[str, Any]:
    """Fits logistic regression to standardised feature maps.

    Holds the values in memory that vary within the train split: many
    rectifiers never open. If those of all train texts would take more than
    4 GB, of as many texts as 4 GB hold, drawn at random with a fixed seed.

    Args:
        inputs: Split to its feature maps.
        path: JSON file for the result.
        fingerprint: Fingerprint of the records.

    Returns:
        As `logistic_regression`.
    """

    def fit() -> dict[str, Any]:
        logging.info("baseline: logistic regression on the feature maps")
        train, validation = inputs["train"], inputs["validation"]
        first = train.values[:1]
        varies = np.zeros(first.shape[1:], bool)
        every = np.arange(len(train.labels))
        for rows in _blocks(every):
            varies |= (train.values[rows] != first).any(axis=0)
        name = "feature maps"
        room = max(_MAPS_BYTES // (4 * int(varies.sum())), 2)
        if room < len(every):
            rng = np.random.default_rng(_SEED)
            every = np.sort(rng.choice(every, room, replace=False))
            name = f"feature maps of {room:,} train texts"
        values = np.empty((len(every), varies.sum()), np.float32)
        for start, rows in enumerate(_blocks(every)):
            values[start * _BLOCK :][: len(rows)] = train.values[rows][
                :, varies
            ]
        others = (
            validation.values[rows][:, varies]
            for rows in _blocks(np.arange(len(validation.labels)))
        )
        return fit_logistic_regression(
            {
                "train": (values, train.labels[every]),
                "validation": (others, validation.labels),
            },
            name,
        )

    return kept_results.read_or_fit(path, fingerprint, fit)


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]


def fit_logistic_regression(splits: Splits, name: str) -> dict[str, Any]:
    """Fits logistic regression to standardised rows.

    Args:
        splits: `train` and `validation`, rows `(N, F)` float32; the train
            rows are overwritten. Those of validation may also come in blocks.
        name: What the rows are, for reports.

    Returns:
        As `logistic_regression`.
    """
    c = _C * min(1.0, _C_FEATURES / splits["train"][0].shape[1])
    pipeline = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(copy=False),
        sklearn.linear_model.LogisticRegression(
            C=c, max_iter=300, random_state=_SEED
        ),
    )
    return _fit(pipeline, splits, f"logistic regression on {name}, C = {c:.2g}")


def tfidf(records: paths.Path) -> dict[str, Any]:
    """Fits logistic regression to TF-IDF of words and pairs of words.

    On the texts of the records, cleaned as for the encoder, not truncated.
    Words in fewer than two texts are left out. Kept in `tfidf.json` beside the
    records; memory grows with the corpus, as in scikit-learn.

    Args:
        records: Directory of `cls` records, which hold the texts.

    Returns:
        As `logistic_regression`.
    """
    manifest = reader.open_records(records, kind="cls")
    clean = manifest.details.get("encoder", {}).get("clean", "none")

    def fit() -> dict[str, Any]:
        logging.info("baseline: TF-IDF of the texts")
        splits: Splits = {}
        for split in manifest.splits:
            texts: list[str] = []
            labels: list[int] = []
            for batch in reader.read_records(records, split, manifest=manifest):
                texts += [
                    clean_text(text.decode(), clean)
                    for text in batch["text"].numpy()
                ]
                labels += batch["label"].numpy().tolist()
            splits[split] = texts, np.array(labels)
        pipeline = sklearn.pipeline.make_pipeline(
            sklearn.feature_extraction.text.TfidfVectorizer(
                ngram_range=(1, 2), min_df=2, sublinear_tf=True
            ),
            sklearn.linear_model.LogisticRegression(
                C=10.0, max_iter=300, random_state=_SEED
            ),
        )
        return _fit(
            pipeline,
            splits,
            "TF-IDF (1-2-grams, sublinear), logistic regression, C = 10",
        )

    path = records.parent / "tfidf.json"
    return kept_results.read_or_fit(path, manifest.fingerprint, fit)


def majority(labels: dict[str, np.ndarray]) -> dict[str, Any]:
    """Predicts the most common class of the train split for every text."""
    most_common = int(np.bincount(labels["train"]).argmax())
    return {
        "accuracy": float((labels["validation"] == most_common).mean()),
        "num_train": len(labels["train"]),
        "num_validation": len(labels["validation"]),
        "model": "always the most common class",
        "predictions": [most_common] * len(labels["validation"]),
    }


def _fit(pipeline: Any, splits: Splits, name: str) -> dict[str, Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", sklearn.exceptions.ConvergenceWarning)
        pipeline.fit(*splits["train"])
    for warning in caught:
        logging.warning("baseline: %s", warning.message)
        if warning.category is sklearn.exceptions.ConvergenceWarning:
            name += ", stopped before it converged"
    values, labels = splits["validation"]
    blocks = values if isinstance(values, Iterator) else [values]
    predictions = np.concatenate([pipeline.predict(rows) for rows in blocks])
    return {
        "accuracy": float((predictions == labels).mean()),
        "num_train": len(splits["train"][1]),
        "num_validation": len(labels),
        "model": name,
        "predictions": predictions.tolist(),
    }


def labels_of(records: paths.Path) -> dict[str, np.ndarray]:
    """Reads the labels `(N,)` of every split, in the order of the records."""
    manifest: schema.Manifest = reader.open_records(records)
    return {
        split: np.concatenate(
            [
                batch["label"].numpy()
                for batch in reader.read_records(
                    records, split, manifest=manifest
                )
            ]
        )
        for split in manifest.splits
    }
