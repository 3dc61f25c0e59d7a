"""Made-up results of trainings on texts: small numbers, checked by hand."""

import pathlib

import numpy as np

from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.experiments import plan
from trainers.reports import run_report, table_report, table_sections
from trainers.reports.mistakes import Predictions
from trainers.reports.mistakes_section import Mistakes
from trainers.reports.nearest_texts import Neighbour

NUM_VALIDATION = 20
IMAGE_DIR = pathlib.PurePosixPath("records/made/image/1.0.0")

RUN_CONFIG = TrainConfig(
    backbone="resnet",
    weights="cifar10",
    image_records=str(IMAGE_DIR),
)
RUN_METRICS = {
    "image_fingerprint": "0123456789ab",
    "num_train": 80,
    "num_validation": NUM_VALIDATION,
    "num_validations": 2,
    "feature_maps": [13, 13, 256],
    "picture_kept": 0.9876,
    "trainable_parameters": 12345,
    "epochs": [{"epoch": 1}, {"epoch": 2}],
    "learning_rates": {"head": 0.001},
    "accuracy": 0.85,
    "cumulative_accuracy": 0.8,
    "macro_f1": 0.8496,
    "loss": 0.5,
    "calibration_error": 0.0625,
    "label_names": ["neg|ative", "positive"],
    "confusion_matrix": [[8, 2], [1, 9]],
}
# Of both classes, each less sure than the one before.
_SURE = np.tile(np.linspace(0.95, 0.6, 10), 2).round(6)[:, np.newaxis]
_PREDICTED = np.array([0] * 8 + [1] * 2 + [0] * 1 + [1] * 9)
_IS_PREDICTED = _PREDICTED[:, np.newaxis] == np.arange(2)
PREDICTIONS = Predictions(
    tuple(f"text_{row}" for row in range(NUM_VALIDATION)),
    np.repeat([0, 1], 10),
    _PREDICTED,
    np.where(_IS_PREDICTED, _SURE, 1 - _SURE),
    ("neg|ative", "positive"),
)
MISTAKES = Mistakes(
    PREDICTIONS,
    {
        "text_8": "Not bad | at all.\nReally.",
        "text_9": "word " * 60,
        "text_10": "<b>dull</b>",
        "train_1": "Bad.",
        "train_2": "Good. " * 30,
    },
    (
        [Neighbour("train_1", 0, 0.876), Neighbour("train_2", 1, 0.5)],
        [Neighbour("train_2", 1, 0.25)],
        [Neighbour("train_2", 1, 0.125)],
    ),
)
DETAILS = {
    "audit": {
        "num_examples": 103,
        "repeats": {"all": 4, "within_train": 4, "across_parts": 0},
        "contradictions": {"texts": 1, "rows": 2},
        "unlabelled": {"train": 1234, "test": 7},
        "dropped": {"empty text": 1, "no label": 2},
        "merged": {"Positive": "positive"},
        "small_classes": {"a|b": 2, "$x$": 1},
        "empty_classes": ["<i>"],
        "left_out": 3,
    },
    "mean_tokens": 31.25,
    "truncated_share": 0.0625,
    "unknown_share": 0.012,
}
# Records that are older than most counts.
OLD_DETAILS = {
    "audit": {"num_examples": 1, "repeats": {"all": 1}},
    "unknown_share": None,
}
RUN_BASELINES = {"images": {"accuracy": 0.7}, "stacks": {"accuracy": 0.6}}


def first(count: int) -> np.ndarray:
    """Right about the first texts: `count / 20` is the accuracy."""
    return np.arange(NUM_VALIDATION) < count


def last(count: int) -> np.ndarray:
    """Right about the last texts."""
    return first(count)[::-1]


def row(name: str, *right: np.ndarray, **changes: object) -> dict:
    """A row with one training per array of right answers."""
    config = TrainConfig(weights="cifar10", **changes)
    return {
        "name": name,
        "config": config,
        "metrics": [
            {
                "accuracy": float(bits.mean()),
                "cumulative_accuracy": float(bits.mean()) - 0.05,
                "picture_kept": None if changes else 0.9876,
                "feature_maps": [13, 13, 256],
            }
            for bits in right
        ],
        "right": list(right),
    }


RIGHT_ON_STACKS = first(12)
COMPARED = {
    "majority": {"model": "always the commonest class", "accuracy": 0.5},
    "TF-IDF": {"model": "TF-IDF, logistic regression", "accuracy": 0.65},
    "stacks": {"model": "logistic regression, C = 0.001", "accuracy": 0.6},
    "images": {"model": "logistic regression, C = 0.001", "accuracy": 0.55},
    "maps of resnet": {"model": "logistic regression", "accuracy": 0.7},
}
TRAINED = table_sections.TrainedRow
ROWS = {
    "backbones": [
        # Against the stacks 5 to 0: p = 2 / 2^5 = 0.0625.
        TRAINED(**row("resnet", first(17), first(15)), is_base=True),
        # 8 to 4: p = 2 (495 + 220 + 66 + 12 + 1) / 2^12 = 0.3877.
        TRAINED(
            **row("vgg16", last(16), autoencoder="paper", backbone="vgg16")
        ),
        TRAINED("alexnet"),
    ],
    "contrast": [
        TRAINED(**row("0.1", first(17)), is_base=True),
        # 0 to 9: p = 2 / 2^9 = 0.0039.
        TRAINED(**row("1", first(8), contrast=1.0)),
    ],
    "layers": [
        TRAINED(**row("as encoded", first(10), first(12))),
        # 2 to 2: p = 1.
        TRAINED(**row("last only", np.roll(first(10), 2))),
        TRAINED("one layer lower"),
    ],
    "layout": [TRAINED("fitted"), TRAINED("shuffled")],
}
PLANNED = plan.plan(
    RecordsConfig(),
    TrainConfig(),
    backbones=("resnet", "alexnet"),
    seeds=2,
    ablated="resnet",
    ablations=("layout",),
    ablation_seeds=1,
    weights={},
    layers=(),
)
(ALEXNET,) = [row.trainings for row in PLANNED if row.name == "alexnet"]
FAILURES = {
    ALEXNET[0].name: "No such file:\nanother.npz",
    "maps of resnet": "Not enough memory.",
}


def run() -> str:
    """A run's report, with baselines."""
    return run_report.compose(
        RUN_CONFIG,
        RUN_METRICS,
        RUN_BASELINES,
        details=DETAILS,
        mistakes=MISTAKES,
    )


def run_alone() -> str:
    """A run's report without baselines and without a linear readout."""
    metrics = {
        **RUN_METRICS,
        "picture_kept": None,
        "learning_rates": {"autoencoder": 0.0005, "head": 0.001},
    }
    return run_report.compose(
        RUN_CONFIG, metrics, {}, mistakes=Mistakes(PREDICTIONS)
    )


def table() -> str:
    """A table's report: Table I, baselines, ablations, failures, figures."""
    return table_report.compose(
        ROWS,
        COMPARED,
        RIGHT_ON_STACKS,
        failures=table_report.failure_lines(PLANNED, FAILURES),
        captions={"curves.png": "Validation accuracy by epoch."},
        num_train=1234,
        num_validation=NUM_VALIDATION,
        image_dir=IMAGE_DIR,
        details=OLD_DETAILS,
    )


def table_of_nothing() -> str:
    """A table's report of which nothing could be trained."""
    return table_report.compose(
        {"backbones": [TRAINED("alexnet")]},
        COMPARED,
        RIGHT_ON_STACKS,
        failures=(),
        captions={},
        num_train=1234,
        num_validation=NUM_VALIDATION,
        image_dir=IMAGE_DIR,
        details={},
    )


REPORTS = {
    "run": run,
    "run_alone": run_alone,
    "table": table,
    "table_of_nothing": table_of_nothing,
}
