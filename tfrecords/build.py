"""Corpus to records: texts to [CLS] stacks, stacks to pictures.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...
    python -m tfrecords.build --kind=multimodal --dataset=products.jsonl ...

Sets are named after the fingerprint of what they are made from: what stands
already is reused, anything else is built beside it.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from tfrecords import command_line
from tfrecords.config import MultimodalConfig, RecordsConfig
from tfrecords.settings import setting
from tfrecords.stages import multimodal

_TEXT, _MULTIMODAL = "text", "multimodal"


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """Which records."""

    kind: str = setting(
        _TEXT,
        "text: stacks and images of texts. multimodal: images with a title "
        "and a description.",
        (_TEXT, _MULTIMODAL),
        group="common",
    )


PROGRAM = command_line.Program(
    "tfrecords.build",
    __doc__,
    settings=(BuildOptions, RecordsConfig, MultimodalConfig),
)


def prepare_records(
    settings: RecordsConfig,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Makes what is missing and returns where both sets are.

    Args:
        settings: What to make.

    Returns:
        The directories of the `cls` and the `image` records.
    """
    from tfrecords.stages import images, stacks

    cls_dir = stacks.prepare_cls(settings)
    return cls_dir, images.prepare_images(settings, cls_dir)


def main(argv: Sequence[str] | None = None) -> int:
    """Builds both sets from the flags."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    arguments.settings(RecordsConfig)
    arguments.settings(MultimodalConfig)
    kind = arguments.settings(BuildOptions).kind
    own = [field.name for field in dataclasses.fields(MultimodalConfig)]
    arguments.refuse_ignored(
        [
            (
                multimodal.IGNORED,
                kind == _MULTIMODAL,
                "--kind=multimodal has no use for it",
            ),
            (own, kind == _TEXT, "--kind=text has no use for it"),
        ]
    )


def _run(arguments: command_line.Arguments) -> None:
    settings = arguments.settings(RecordsConfig)
    if arguments.settings(BuildOptions).kind == _MULTIMODAL:
        multimodal.prepare_multimodal(
            settings, arguments.settings(MultimodalConfig)
        )
    else:
        prepare_records(settings)


if __name__ == "__main__":
    sys.exit(main())
