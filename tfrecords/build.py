"""Corpus to records: texts to [CLS] stacks, stacks to pictures.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...
    python -m tfrecords.build --kind=multimodal --dataset=products.jsonl ...

Sets are named after the fingerprint of what they are made from: what stands
already is reused, anything else is built beside it.
"""

import dataclasses
import pathlib

from absl import app
from absl import flags as absl_flags

from tfrecords import command_line, config
from tfrecords.stages import images, multimodal, stacks

_TEXT, _MULTIMODAL = "text", "multimodal"


def prepare_records(
    settings: config.RecordsConfig,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Makes what is missing and returns where both sets stand.

    Args:
        settings: What to make.

    Returns:
        The directories of the `cls` and the `image` records.
    """
    cls_dir = stacks.prepare_cls(settings)
    return cls_dir, images.prepare_images(settings, cls_dir)


def main(arguments: list[str]) -> None:
    """Builds both sets from the flags."""
    if len(arguments) > 1:
        raise app.UsageError(f"Expected flags only. Received: {arguments[1:]}")
    try:
        settings = command_line.settings_from_flags(config.RecordsConfig, {})
        if absl_flags.FLAGS.kind == _MULTIMODAL:
            command_line.refuse_typed(
                multimodal.IGNORED, "--kind=multimodal has no use for it"
            )
            multimodal.prepare_multimodal(
                settings,
                command_line.settings_from_flags(config.MultimodalConfig, {}),
            )
        else:
            own = dataclasses.fields(config.MultimodalConfig)
            command_line.refuse_typed(
                (field.name for field in own), "--kind=text has no use for it"
            )
            prepare_records(settings)
    except command_line.MENDABLE as error:
        command_line.fail(error)


def _define_flags() -> None:
    absl_flags.DEFINE_enum(
        "kind",
        _TEXT,
        [_TEXT, _MULTIMODAL],
        "text: stacks and pictures of texts. multimodal: pictures with a title "
        "and a description.",
    )
    command_line.define_flags(config.RecordsConfig)
    command_line.define_flags(config.MultimodalConfig)


if __name__ == "__main__":
    command_line.prepare_process()
    _define_flags()
    app.run(main)
