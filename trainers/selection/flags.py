"""Flags of `--preset=best`, and what it does not work with."""

import dataclasses

from tfrecords import ranges
from tfrecords.command_line import Rule
from tfrecords.config import RecordsConfig
from tfrecords.settings import setting, validate
from trainers.config import TrainConfig
from trainers.distribution.options import NONE
from trainers.tuning.config import TuneConfig

BEST = "best"


@dataclasses.dataclass(frozen=True)
class SelectionOptions:
    """How long the best classifier is looked for."""

    minutes: float = setting(
        10.0,
        "With --preset=best, time to find the best of TF-IDF, logistic "
        "regression on stacks, the image route and blends of them, by "
        "cross-validation on the train side.",
        ranges.Range(above=0, most=10**5),
        group="training",
    )

    def __post_init__(self) -> None:
        """Refuses values that no run could use."""
        validate(self)


def ignored(preset: str) -> list[Rule]:
    """Flags that have no effect with a preset."""
    return [
        (("minutes",), preset != BEST, "only --preset=best has a time limit"),
        (
            (
                *("image_records", "stacks", "baselines", "examples"),
                *("from_run", "group_key"),
            ),
            preset == BEST,
            "--preset=best reads texts and compares classifiers of them",
        ),
        (
            ("maps", *(field.name for field in dataclasses.fields(TuneConfig))),
            preset == BEST,
            "--preset=best compares classifiers of one map and one encoder",
        ),
    ]


def check(
    preset: str, train: TrainConfig, records: RecordsConfig, distribution: str
) -> None:
    """Refuses settings with which texts cannot be folded or served.

    Raises:
        ValueError: Names the flag and its cure.
    """
    if preset != BEST:
        return
    # Few texts, or too little time, leave the images as they are.
    least = dataclasses.replace(train, upsample=train.upsample or 1)
    least.check_image_size(records.image_height, records.image_width)
    for name, value, wrong, cure in (
        ("split", records.split, "hashed", "pooled"),
        ("clean", records.clean, "html", "none"),
        ("clean", records.clean, "basic", "none"),
        ("normalization", train.normalization, "batch", "image"),
        ("slice_batch_norm", train.slice_batch_norm, "training", "inference"),
        ("trainable_slice", train.trainable_slice, True, "false"),
    ):
        if value == wrong:
            raise ValueError(
                f"--preset={BEST} does not work with "
                f"--{name}={str(wrong).lower()}. Use --{name}={cure}."
            )
    if distribution != NONE:
        raise ValueError(
            f"--preset={BEST} runs in one process. Received: "
            f"--distribution={distribution}. Use --distribution={NONE}."
        )
