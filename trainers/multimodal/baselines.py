"""What a user would try first on the same split: plain classifiers."""

from typing import Any

import numpy as np
import scipy.sparse
import sklearn.feature_extraction.text
import sklearn.linear_model
from absl import logging

from tfrecords import paths, reader, schema
from trainers.multimodal import input_pipeline
from trainers.runs import json_files
from trainers.training.metrics import figures_of, held_out_split

# Height and width of the images that the plain baseline sees.
_SMALL_SIZE = 20
# Names as `baselines.json` has them on users' disks.
_IMAGES = "small pictures"
_TEXTS = "TF-IDF"
# scikit-learn's C, the same for every corpus.
_C_IMAGES = 0.01
_C_TEXTS = 10.0


def baselines(records: paths.Path) -> dict[str, dict[str, float]]:
    """Fits logistic regression on texts, on small images, and on both.

    Texts are TF-IDF of all texts of a sample (single words and pairs). The
    result is kept in `baselines.json` beside the records and reused while
    their fingerprint is the same. Holds the train split in memory as small
    images.

    Args:
        records: Directory of `multimodal` records.

    Returns:
        Name to the figures of `metrics.figures_of`; without any word in train,
        of the images alone.
    """
    manifest = reader.open_records(records, kind="multimodal")
    path = records.parent / "baselines.json"
    if path.is_file():
        try:
            earlier = json_files.read(
                path, ("fingerprint", "figures"), cure="It is made again."
            )
            if earlier["fingerprint"] == manifest.fingerprint:
                return earlier["figures"]
        except ValueError as error:
            logging.warning("baselines: %s", error)
    logging.info("baselines: logistic regression on texts and images")
    train_texts, train_images, train_labels = _read(records, manifest, "train")
    texts, images, labels = _read(records, manifest, held_out_split(manifest))
    features = {_IMAGES: _scale_images(train_images, images)}
    words = _tfidf(train_texts, texts)
    if words is not None:
        features[_TEXTS] = words
        # A text's vector has length 1: an image's gets the same on average.
        length = np.sqrt(train_images.shape[1])
        features[f"{_TEXTS} and {_IMAGES}"] = [
            scipy.sparse.hstack([terms, pixels / length]).tocsr()
            for terms, pixels in zip(words, features[_IMAGES], strict=True)
        ]
    figures = {
        name: figures_of(
            fit_logits(
                seen,
                train_labels,
                unseen,
                inverse_penalty=_C_IMAGES if name == _IMAGES else _C_TEXTS,
                num_classes=len(manifest.schema.label_names),
            ),
            labels,
        )
        for name, (seen, unseen) in features.items()
    }
    value = {"fingerprint": manifest.fingerprint, "figures": figures}
    json_files.write_checked(path, value)
    return figures


def _scale_images(seen: np.ndarray, unseen: np.ndarray) -> list[Any]:
    """Both `(N, F)` minus the mean, over one deviation of all of `seen`."""
    mean, deviation = seen.mean(axis=0), seen.std()
    return [
        scipy.sparse.csr_matrix((pixels - mean) / deviation)
        for pixels in (seen, unseen)
    ]


def _tfidf(seen: list[str], unseen: list[str]) -> list[Any] | None:
    """Both as sparse rows; `None` if `seen` has no word of two characters."""
    vectorizer = sklearn.feature_extraction.text.TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True
    )
    if not any(map(vectorizer.build_analyzer(), seen)):
        return None
    vectorizer.fit(seen)
    return [vectorizer.transform(texts) for texts in (seen, unseen)]


def fit_logits(
    seen: Any,
    labels: np.ndarray,
    unseen: Any,
    *,
    inverse_penalty: float,
    num_classes: int,
) -> np.ndarray:
    """Fits logistic regression and predicts other rows.

    Args:
        seen: Rows to learn from, `(N, F)`, dense or sparse.
        labels: `(N,)` int; classes may be missing.
        unseen: Rows to predict, `(n, F)`.
        inverse_penalty: scikit-learn's C.
        num_classes: K.

    Returns:
        Logits `(n, K)`; -1e9 for a class that `labels` lacks.
    """
    fitted = sklearn.linear_model.LogisticRegression(
        C=inverse_penalty, max_iter=1000
    ).fit(seen, labels)
    logits = np.full((unseen.shape[0], num_classes), -1e9)
    # Not its decision function: with two classes that is one column.
    logits[:, fitted.classes_] = fitted.predict_log_proba(unseen)
    return logits


def _read(
    records: paths.Path, manifest: schema.Manifest, split: str
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, flat small images in [0, 1] and labels of a split."""
    texts: list[str] = []
    images, labels = [], []
    for batch in reader.read_records(records, split, manifest=manifest):
        columns = [batch[n].numpy() for n in manifest.schema.text_fields]
        texts += [
            b"\n".join(row).decode() for row in zip(*columns, strict=True)
        ]
        images += [
            input_pipeline.decode(content, _SMALL_SIZE).numpy().ravel() / 255
            for content in batch["image"]
        ]
        labels.append(batch["label"].numpy())
    return texts, np.stack(images), np.concatenate(labels)
