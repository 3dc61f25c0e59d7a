"""Corpus to records: texts to [CLS] stacks, stacks to pictures.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...

Both sets are named after the fingerprint of what they are made from: what
stands already is reused, anything else is built beside it.
"""

import pathlib

from absl import app

from tfrecords import config, draw, encode, flags


def prepare_records(
    settings: config.RecordsConfig,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Makes what is missing and returns where both sets stand.

    Args:
        settings: What to make.

    Returns:
        The directories of the `cls` and the `image` records.
    """
    cls_dir = encode.prepare_cls(settings)
    return cls_dir, draw.prepare_images(settings, cls_dir)


def main(arguments: list[str]) -> None:
    """Builds both sets from the flags."""
    if len(arguments) > 1:
        raise app.UsageError(f"Expected flags only. Received: {arguments[1:]}")
    try:
        prepare_records(flags.settings_from_flags(config.RecordsConfig, {}))
    except flags.MENDABLE as error:
        flags.fail(error)


if __name__ == "__main__":
    flags.prepare_process()
    flags.define_flags(config.RecordsConfig)
    app.run(main)
