"""Made-up findings of Im2Vec: small numbers, checked by hand."""

import numpy as np

from trainers.im2vec import evaluation, image_store, report
from trainers.im2vec.config import Im2VecConfig

NAMES = ("ant", "bee", "cow")
# On a line: by vectors ant and bee are neighbours, and cow's is bee.
VECTORS = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
# By mean images ant's is cow, bee's is cow, cow's is ant.
MEANS = np.array([[0.0, 0.0], [9.0, 0.0], [4.0, 0.0]])
# By confusion: ant is taken for cow, cow for ant, bee for cow.
CONFUSION = np.array([[8, 0, 2], [0, 9, 1], [3, 1, 6]])


def findings(
    names: tuple[str, ...], dataset: str, histories: dict
) -> report.Findings:
    """Two networks on the first classes."""
    count = len(names)
    split = image_store.Split(
        np.zeros((count, 2), np.float32), np.arange(count)
    )
    networks = [
        evaluation.Network(
            f"seed {seed}",
            np.eye(count, 2),
            CONFUSION[:count, :count],
            accuracy=23 / 30,
        )
        for seed in range(2)
    ]
    return report.Findings(
        image_store.Images(dataset, "0" * 12, names, (1, 2, 1), split, split),
        image_store.Statistics(MEANS[:count], np.zeros(1), np.ones(1)),
        networks,
        [],
        histories,
    )


def metrics(names: tuple[str, ...], dataset: str) -> dict:
    """The contents of metrics.json that the report shows."""
    tests = [
        {"rho": 0.5, "p": 1 / 6, "orders": 6},
        {"rho": -1.0, "p": 1.0, "orders": 6},
    ]
    return {
        "class_names": list(names),
        "dataset": dataset,
        "num_train": 90,
        "num_test": 30,
        "networks": [
            {
                "name": f"seed {seed}",
                "accuracy": 23 / 30,
                "condition_number": 12345.678,
                "relative_error": 0.00123,
                "shape": [len(names), 2],
                "ill_conditioned": seed == 1,
            }
            for seed in range(2)
        ],
        "truth": [
            {
                "reference": "confusion",
                "metric": "euclidean",
                "tests": tests,
                "random": {"mean": 0.0, "low": -0.5, "high": 0.5},
            },
            {
                "reference": "class means",
                "metric": "cosine",
                "tests": [{"rho": None, "p": None, "orders": 6}] * 2,
                "random": {"mean": None, "low": None, "high": None},
            },
        ],
        "stability": {
            "trained": {"procrustes": 0.25, "spearman": 0.75},
            "start": {"procrustes": None, "spearman": None},
            "random": {"procrustes": 0.9, "spearman": None},
        },
    }


def trained() -> str:
    """Three classes, two networks, one of them ill-conditioned."""
    return report.compose(
        Im2VecConfig(dataset="animals", double_softmax=True),
        findings(NAMES, "animals", {"seed 0": [], "seed 1": []}),
        metrics(NAMES, "animals"),
        VECTORS,
    )


def from_runs() -> str:
    """Two classes of a finished run, by ridge; nothing is trained."""
    return report.compose(
        Im2VecConfig(classifier="runs/a", inverse="ridge", ridge=0.01),
        findings(NAMES[:2], "reviews", {}),
        metrics(NAMES[:2], "reviews"),
        VECTORS[:2],
    )


def cifar10() -> str:
    """Ten classes of CIFAR-10, which the paper has an accuracy for."""
    names = tuple(f"class {number}" for number in range(10))
    rows = metrics(names, "cifar10_small")
    shown = findings(NAMES, "cifar10_small", {"seed 0": []})
    return report.compose(
        Im2VecConfig(dataset="cifar10", milestones="50"), shown, rows, VECTORS
    )


REPORTS = {
    "im2vec_trained": trained,
    "im2vec_from_runs": from_runs,
    "im2vec_cifar10": cifar10,
}
