"""Made-up results of a multimodal table: small numbers, checked by hand."""

import numpy as np

from tests.golden.reports import text_inputs
from trainers.multimodal import (
    comparisons,
    config,
    example_figure,
    plan,
    report,
    vector_figure,
)

NUM_HELD_OUT = 20
CONFIG = config.MultimodalTrainConfig(weights="weights/tower.npz")

# Modalities and dropout to how many of 20 samples each seed gets right, from
# the first on; the title from the last on.
RIGHT = {
    ("image", 0.0): (10, 12),
    ("title", 0.0): (6, 8),
    ("description", 0.0): (2, 2),
    # Against the image 10 to 0 and 7 to 0: p = 2 / 2^10 and 2 / 2^7.
    ("image,title", 0.0): (20, 19),
    # Against the image 1 to 0 in both seeds: p = 1.
    ("image,description", 0.0): (11, 13),
    # Against the title, which is right about others: 4 to 6 and 4 to 8.
    ("title,description", 0.0): (4, 4),
    ("image,title,description", 0.0): (16, 18),
    ("image,title,description", 0.3): (15, 15),
}


def bits(modalities: str, count: int) -> np.ndarray:
    """Right about the first `count` samples; the title about the last."""
    right = np.arange(NUM_HELD_OUT) < count
    return right[::-1] if modalities == "title" else right


def results(rows: list[plan.Row]) -> list[comparisons.Result]:
    """Results of rows by `RIGHT`."""
    with_results = []
    for row in rows:
        modalities = ",".join(row.modalities)
        counts = RIGHT[modalities, row.modality_dropout][: len(row.trainings)]
        metrics = [
            {
                "accuracy": count / NUM_HELD_OUT,
                "top5": 1.0,
                # The last pair of texts has memorised its train split.
                "epochs": [{"train_accuracy": count / NUM_HELD_OUT + 0.25}]
                if modalities == "title,description"
                else [{"train_accuracy": count / NUM_HELD_OUT}],
                "removed": {
                    name: {"accuracy": count / NUM_HELD_OUT - 0.05 * place}
                    for place, name in enumerate(row.modalities, start=1)
                },
                "num_train": 480,
                "num_held_out": NUM_HELD_OUT,
                "split": "test",
            }
            for count in counts
        ]
        right = [bits(modalities, count) for count in counts]
        with_results.append(comparisons.Result(row, metrics, right))
    return with_results


BASELINES = {
    "small pictures": {"accuracy": 0.25, "top5": 0.75},
    "TF-IDF": {"accuracy": 0.4, "top5": 0.9},
    "TF-IDF and small pictures": {"accuracy": 0.45, "top5": 0.95},
}
MISSING = {
    "google|web": {"samples": 400, "title": 2, "description": 100},
    "flickr": {"samples": 1600, "title": 0, "description": 1200},
}


def table() -> str:
    """Every modality on one tower, with baselines, robustness and figures."""
    rows = plan.plan(
        CONFIG, ["mobilenetv2"], 2, {"image", "title", "description"}
    )
    return report.compose(
        results(rows),
        CONFIG,
        name="made-0123456789ab",
        num_classes=6,
        compared=BASELINES,
        details={
            "missing": MISSING,
            "audit": {
                **text_inputs.DETAILS["audit"],
                "contradictions": {"texts": 0, "rows": 0},
                "left_out": 0,
            },
            "unknown_share": 0.0,
        },
        captions={
            "vectors.png": vector_figure.caption(
                {"title, encoder": 0.125, "fused": 0.5}
            ),
            "examples.png": example_figure.caption(["a", "b"], ["c"]),
        },
    )


def images_alone() -> str:
    """One modality on two towers: no fusion, no robustness, no figure."""
    rows = plan.plan(CONFIG, ["resnet50v2", "inceptionv3"], 1, {"image"})
    return report.compose(
        results(rows),
        CONFIG,
        name="made-0123456789ab",
        num_classes=6,
        compared={"small pictures": BASELINES["small pictures"]},
        details={"missing": {"flickr": MISSING["flickr"]}},
        captions={},
    )


REPORTS = {
    "multimodal_table": table,
    "multimodal_images_alone": images_alone,
}
