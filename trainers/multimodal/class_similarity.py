"""Which classes are alike by their titles (the paper's section 5.1)."""

import dataclasses
from typing import Any

import numpy as np

from tfrecords import paths
from trainers.experiments import similarity_tests
from trainers.multimodal import input_pipeline, loading

_BATCH = 256
_PERMUTATIONS = 9999


@dataclasses.dataclass(frozen=True)
class ClassSimilarity:
    """Similarity of the classes whose train rows have titles.

    Attributes:
        labels: These classes, `(k,)` int.
        cosines: Cosine of their mean title vectors, less the mean of all
            titles, `(k, k)`.
        test: Result of `similarity_tests.mantel` against the confusion matrix.
    """

    labels: np.ndarray
    cosines: np.ndarray
    test: dict[str, Any]


def compare_titles(run: loading.Run, seed: int) -> ClassSimilarity | None:
    """Compares classes by the encoder's vectors of their train titles.

    The vectors are those of the encoder, before the tuning layer: no label
    has moved them. The rank correlation with the held-out confusion matrix
    says whether classes with similar titles are confused.

    Args:
        run: The run; its records must exist.
        seed: Seed of the permutation test.

    Returns:
        `None` if fewer than two classes have titles.
    """
    means, counts = _title_sums(run)
    labels = np.flatnonzero(counts)
    if len(labels) < 2:
        return None
    overall = means.sum(axis=0) / counts.sum()
    centred = means[labels] / counts[labels, None] - overall
    cosines = 1 - similarity_tests.distances(centred, "cosine")
    confusion = np.array(run.metrics["confusion_matrix"])
    return ClassSimilarity(
        labels,
        cosines,
        similarity_tests.mantel(
            1 - cosines,
            similarity_tests.confusion_distances(
                confusion[np.ix_(labels, labels)]
            ),
            permutations=_PERMUTATIONS,
            seed=seed,
        ),
    )


def _title_sums(run: loading.Run) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the title vectors `(K, D)` and number of titles `(K,)`."""
    count = len(run.manifest.schema.label_names)
    column = run.manifest.schema.text_fields.index("title")
    sums = np.zeros((count, run.manifest.schema.shape[-1]))
    counts = np.zeros(count, int)
    for batch in input_pipeline.read(
        paths.open_path(run.config.records),
        run.manifest,
        "train",
        image_size=None,
        batch_size=_BATCH,
    ).as_numpy_iterator():
        # The first modality is the image, which has no text vector.
        has_title = batch["present"][:, 1 + column] > 0
        labels = batch["label"][has_title]
        titles = batch["text_vectors"][has_title, column]
        np.add.at(sums, labels, titles)
        np.add.at(counts, labels, 1)
    return sums, counts
