"""Every setting that makes records, in a frozen dataclass.

This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import functools
from typing import Any, Self

from tfrecords import presets, ranges
from tfrecords.corpus_config import CorpusConfig
from tfrecords.encoder_config import EncoderConfig
from tfrecords.map_config import MapConfig
from tfrecords.settings import of_preset, setting

_records = functools.partial(setting, group="records")

# Settings added after records already existed, with the value that those were
# built with; left out of fingerprints.
_ADDED_LATER = {
    "encoder_dtype": "float32",
    "encoder_engine": "tensorflow",
    "encoding": "",
    "delimiter": "",
    "quoting": "auto",
    "columns": "",
    "label_map": "",
    "merge_labels": False,
    "bad_rows": "refuse",
    "max_bad_rows": 0.05,
    "min_class_size": 0,
    "train_split": "",
    "validation_split": "",
    "stacks": "",
    "pooling": "cls",
    "long_texts": "cut",
    "clean": "none",
}
# Keys that are found in the data, and what the device decides, unless they are
# given: with the values that they had before; fingerprints of settings hold
# these.
_FORMER_DEFAULTS = {
    ("text_key", ""): "text",
    ("label_key", ""): "label",
    ("tokens_per_batch", 0): 512,
    ("encoder_dtype", "auto"): "float32",
    ("encoder_engine", "auto"): "tensorflow",
}


@dataclasses.dataclass(frozen=True)
class RecordsConfig(MapConfig, EncoderConfig, CorpusConfig):
    """Settings that turn texts into records. See each field's help.

    Its flags are those of the corpus, the encoder and the map, in this order.
    """

    records_dir: str = _records("records", "Directory of records; also gs://.")
    examples_per_shard: int = _records(
        2048, "Examples per TFRecord file.", ranges.EXAMPLES
    )

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Returns the settings that `--preset` names, with changes.

        Raises:
            ValueError: If there is no such preset, or a value is refused.
        """
        return of_preset(cls, presets.RECORDS, name, changes)


def without_added_later(settings: dict[str, Any]) -> dict[str, Any]:
    """Drops settings added later with their old value: fingerprints stay."""
    former = {
        name: _FORMER_DEFAULTS.get((name, value), value)
        for name, value in settings.items()
    }
    return {
        name: value
        for name, value in former.items()
        if (name, value) not in _ADDED_LATER.items()
    }
