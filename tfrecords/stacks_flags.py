"""Which settings have an effect with `--stacks`.

This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses

from tfrecords.command_line import Rule
from tfrecords.config import RecordsConfig

# The suffixes of files of vectors.
_SUFFIXES = (".npz", ".parquet")
# Settings that records of a file of vectors depend on: which rows are used, and
# how they are split.
SETTINGS = (
    "label_map",
    "merge_labels",
    "bad_rows",
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
    splitting = (*SETTINGS, "max_bad_rows")
    fields = [
        field.name
        for field in dataclasses.fields(records)
        if field.metadata["group"] in ("common", "records")
        and field.name not in (*splitting, "stacks", "records_dir")
    ]
    fields.append("encoder_dtype")
    return [
        (fields, bool(path), f"--stacks={path} has vectors already"),
        (
            splitting,
            bool(path) and not path.lower().endswith(_SUFFIXES),
            f"--stacks={path} names finished records",
        ),
    ]
