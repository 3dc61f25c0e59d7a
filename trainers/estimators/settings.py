"""Parameters of an estimator as settings of records and training."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from tfrecords.config import RecordsConfig
from trainers.config import PRESETS, TrainConfig

# Settings that are parameters of their own.
OWN = (
    *("backbone", "encoder", "weights", "layers", "max_tokens"),
    *("epochs", "batch_size", "l2", "dropout", "seed"),
)
# Those of the file that `fit` writes, of how it is read, and of directories.
_DECIDED = frozenset(
    (
        *("dataset", "data_dir", "download", "text_key", "label_key"),
        *("encoding", "delimiter", "quoting", "columns", "label_map"),
        *("merge_labels", "bad_rows", "max_bad_rows", "min_class_size"),
        *("train_split", "validation_split", "stacks", "records_dir"),
        *("image_records", "from_run"),
    )
)
_NAMES = {
    kind: {field.name for field in dataclasses.fields(kind)} - _DECIDED
    for kind in (TrainConfig, RecordsConfig)
}
# `best` compares classifiers, of which the image route is one.
_PRESETS = tuple(name for name in PRESETS if name != "best")


def of_preset(
    preset: str, given: Mapping[str, Any]
) -> tuple[TrainConfig, RecordsConfig]:
    """Builds both kinds of settings.

    Args:
        preset: Name of the preset.
        given: Name to value, of settings that override it.

    Raises:
        ValueError: If there is no such preset or setting, or a value is
            refused.
    """
    if preset not in _PRESETS:
        raise ValueError(
            f"`preset` must be one of {_PRESETS}. Received: {preset!r}"
        )
    legal = _NAMES[TrainConfig] | _NAMES[RecordsConfig]
    for name in set(given) - legal:
        near = difflib.get_close_matches(name, legal, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            "`settings` must name flags of records, map or training, and none "
            f"of how a file is read. Received: {name!r}.{hint}"
        )

    def chosen(
        kind: type[TrainConfig] | type[RecordsConfig],
    ) -> dict[str, Any]:
        return {n: value for n, value in given.items() if n in _NAMES[kind]}

    return (
        TrainConfig.preset(preset, **chosen(TrainConfig)),
        RecordsConfig.preset(preset, **chosen(RecordsConfig)),
    )
