"""What a user would try first, on the same split: is the detour worth it?

Each result is kept as a JSON file beside what it was fitted on, with its
answers to the validation texts, so that it can be compared text by text.
"""

import json
import pathlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfrecords import files, reader, schema
from trainers.training import feature_cache

_SEED = 0
# Thousands of correlated features on thousands of texts: weak regularisation
# overfits. Set for stacks of 2,304 features; inputs with more get a penalty
# that grows with them, so that the logits' spread before the data is the same.
_C = 1e-3
_C_FEATURES = 2304

Splits = dict[str, tuple[Any, np.ndarray]]  # inputs and `(N,)` labels


def logistic_regression(records: pathlib.Path, array: str) -> dict[str, Any]:
    """Logistic regression on standardised stacks or pictures.

    The result is kept in `baselines.json` beside the records. Holds what
    varies within the train split in memory: empty pixels say nothing.

    Args:
        records: Directory of `cls` or `image` records.
        array: `stack` or `image`.

    Returns:
        `accuracy` on validation, `num_train`, `num_validation`, `model` (what
        was fitted) and `predictions`, `(num_validation,)` classes in the
        records' order.
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
    return _kept(path, manifest.fingerprint, fit)


def _varying(
    records: pathlib.Path, array: str, manifest: schema.Manifest
) -> np.ndarray:
    """`(F,)` bool: which features are not the same in all train records."""
    first: np.ndarray | None = None
    varies = np.zeros(int(np.prod(manifest.schema.shape)), bool)
    for batch in reader.read_records(records, "train", manifest=manifest):
        rows = batch[array].numpy().reshape(-1, varies.size)
        first = rows[0] if first is None else first
        varies |= (rows != first).any(axis=0)
    return varies


def frozen_maps(
    inputs: Mapping[str, feature_cache.Inputs],
    path: pathlib.Path,
    fingerprint: str,
) -> dict[str, Any]:
    """Logistic regression on standardised frozen maps.

    Holds what varies within the train split in memory: many rectifiers never
    open.

    Args:
        inputs: Split to its maps.
        path: JSON file that keeps the result.
        fingerprint: Of the records.

    Returns:
        As `logistic_regression`.
    """

    def fit() -> dict[str, Any]:
        logging.info("baseline: logistic regression on the frozen maps")
        first = inputs["train"].values[:1]
        varies = np.zeros(first.shape[1:], bool)
        for rows in _blocks(inputs["train"]):
            varies |= (inputs["train"].values[rows] != first).any(axis=0)
        splits: Splits = {}
        for split, found in inputs.items():
            values = np.empty((len(found.labels), varies.sum()), np.float32)
            for rows in _blocks(found):
                values[rows] = found.values[rows][:, varies]
            splits[split] = values, found.labels
        return fit_logistic_regression(splits, "frozen maps")

    return _kept(path, fingerprint, fit)


def _blocks(inputs: feature_cache.Inputs) -> Iterator[slice]:
    for start in range(0, len(inputs.labels), 256):
        yield slice(start, start + 256)


def fit_logistic_regression(splits: Splits, name: str) -> dict[str, Any]:
    """Logistic regression on standardised rows; as `logistic_regression`.

    Args:
        splits: `train` and `validation`, rows `(N, F)` float32; the train
            rows are overwritten.
        name: What the rows are, for reports.
    """
    import sklearn.linear_model
    import sklearn.pipeline
    import sklearn.preprocessing

    c = _C * min(1.0, _C_FEATURES / splits["train"][0].shape[1])
    pipeline = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(copy=False),
        sklearn.linear_model.LogisticRegression(
            C=c, max_iter=300, random_state=_SEED
        ),
    )
    return _fit(pipeline, splits, f"logistic regression on {name}, C = {c:.2g}")


def tfidf(records: pathlib.Path) -> dict[str, Any]:
    """TF-IDF of words and pairs of words, then logistic regression.

    The same texts as the records', untruncated. Words in fewer than two texts
    are left out. Kept in `tfidf.json` beside the records; memory grows with
    the corpus, as scikit-learn's does.

    Args:
        records: Directory of `cls` records, which hold the texts.

    Returns:
        As `logistic_regression`.
    """
    manifest = reader.open_records(records, kind="cls")

    def fit() -> dict[str, Any]:
        import sklearn.feature_extraction.text
        import sklearn.linear_model
        import sklearn.pipeline

        logging.info("baseline: TF-IDF of the texts")
        splits: Splits = {}
        for split in manifest.splits:
            texts: list[str] = []
            labels: list[int] = []
            for batch in reader.read_records(records, split, manifest=manifest):
                texts += [text.decode() for text in batch["text"].numpy()]
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
    return _kept(path, manifest.fingerprint, fit)


def majority(labels: dict[str, np.ndarray]) -> dict[str, Any]:
    """The train split's commonest class for every text."""
    commonest = int(np.bincount(labels["train"]).argmax())
    return {
        "accuracy": float((labels["validation"] == commonest).mean()),
        "num_train": len(labels["train"]),
        "num_validation": len(labels["validation"]),
        "model": "always the commonest class",
        "predictions": [commonest] * len(labels["validation"]),
    }


def _fit(pipeline: Any, splits: Splits, name: str) -> dict[str, Any]:
    import sklearn.exceptions

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", sklearn.exceptions.ConvergenceWarning)
        pipeline.fit(*splits["train"])
    for warning in caught:
        logging.warning("baseline: %s", warning.message)
        if warning.category is sklearn.exceptions.ConvergenceWarning:
            name += ", stopped before it converged"
    values, labels = splits["validation"]
    predictions = pipeline.predict(values)
    return {
        "accuracy": float((predictions == labels).mean()),
        "num_train": len(splits["train"][1]),
        "num_validation": len(labels),
        "model": name,
        "predictions": predictions.tolist(),
    }


def kept(path: pathlib.Path, fingerprint: str) -> dict[str, Any] | None:
    """The result in `path`, if there is one and it is of these records."""
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if found["fingerprint"] == fingerprint and "predictions" in found:
            return found
    return None


def _kept(
    path: pathlib.Path, fingerprint: str, fit: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The result in `path` if it is of the same records, else a new one."""
    found = kept(path, fingerprint)
    if found is not None:
        return found
    result = {**fit(), "fingerprint": fingerprint}
    files.write_bytes(path, json.dumps(result).encode())
    return result


def labels_of(records: pathlib.Path) -> dict[str, np.ndarray]:
    """Split to `(N,)` labels, in the records' order."""
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
