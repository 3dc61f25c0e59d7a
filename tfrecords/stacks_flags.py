"""Which flags have no effect with `--stacks`.

This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses

from tfrecords.command_line import Rule
from tfrecords.config import RecordsConfig

# The suffixes of files of vectors.
_SUFFIXES = (".npz", ".parquet")
# What says how vectors are split and which rows are used.
_SPLIT = (
    "label_map",
    "merge_labels",
    "bad_rows",
    "max_bad_rows",
    "min_class_size",
    "split",
    "split_seed",
    "limit_train",
    "limit_validation",
    "examples_per_shard",
)


def ignored(records: RecordsConfig) -> list[Rule]:
    """Returns the flags that have no effect with the stacks of `records`."""
    path = records.stacks
    fields = [
        field.name
        for field in dataclasses.fields(records)
        if field.metadata["group"] in ("common", "records")
        and field.name not in (*_SPLIT, "stacks", "records_dir", "projection")
    ]
    fields.append("encoder_dtype")
    return [
        (fields, bool(path), f"--stacks={path} has vectors already"),
        (
            _SPLIT,
            bool(path) and not path.lower().endswith(_SUFFIXES),
            f"--stacks={path} names finished records",
        ),
    ]
