"""Corpus to records: texts to [CLS] stacks, stacks to images.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...
    python -m tfrecords.build --kind=multimodal --dataset=products.jsonl ...

The name of a set holds a fingerprint of what it is made from: a set that
exists is reused, any other is built beside it.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from text2image.corpora import row_sources
from tfrecords import command_line
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.multimodal_config import MULTIMODAL_IGNORES, MultimodalConfig
from tfrecords.settings import setting
from tfrecords.stages import map_checks

_TEXT, _MULTIMODAL = "text", "multimodal"


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """Options of the command besides the settings of the records."""

    kind: str = setting(
        _TEXT,
        "Kind of corpus. text: labelled texts, to [CLS] stacks and images. "
        "multimodal: images with a title and a description.",
        (_TEXT, _MULTIMODAL),
        group="common",
    )


PROGRAM = command_line.Program(
    "tfrecords.build",
    __doc__,
    settings=(BuildOptions, RecordsConfig, MultimodalConfig, DeviceOptions),
    helps={
        "dataset": "Corpus: demo (shipped with the package), a .csv, .tsv or "
        ".jsonl file, a prepared TFDS directory, or a TFDS name such as "
        "imdb_reviews. With --kind=multimodal also a directory of images, "
        "and no demo. Default: demo.",
        "split": "pooled: all labelled examples together, 80/20, stratified "
        "and seeded (the paper's protocol); with --kind=multimodal, "
        "--held_out of each class is held out. official: the corpus's own "
        "splits. Default: pooled.",
    },
)


def prepare_records(
    settings: RecordsConfig,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Makes the stacks and images that do not exist yet.

    Args:
        settings: Settings of both sets.

    Returns:
        The directories of the `cls` and of the `image` records.
    """
    from tfrecords.stages.images import prepare_images
    from tfrecords.stages.stacks import prepare_cls

    cls_dir = prepare_cls(settings)
    return cls_dir, prepare_images(settings, cls_dir)


def main(argv: Sequence[str] | None = None) -> int:
    """Builds records as the flags say."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    records = arguments.settings(RecordsConfig)
    multimodal = arguments.settings(MultimodalConfig)
    row_sources.check_parts(records.dataset, records.reading)
    kind = arguments.settings(BuildOptions).kind
    if kind == _TEXT:
        map_checks.check_records(records)
    else:
        map_checks.check_encoder(records, multimodal.text_layers)
    if kind == _MULTIMODAL and "dataset" not in arguments.typed:
        raise ValueError(
            "--kind=multimodal needs --dataset: a .csv, .tsv or .jsonl file "
            "with a column of image paths, a directory of images or of TFDS, "
            "or a TFDS name. Received: none. There is no demo of captioned "
            "images."
        )
    multimodal_only = [
        field.name for field in dataclasses.fields(MultimodalConfig)
    ]
    arguments.refuse_ignored(
        [
            (
                MULTIMODAL_IGNORES,
                kind == _MULTIMODAL,
                "--kind=multimodal does not use it",
            ),
            (multimodal_only, kind == _TEXT, "--kind=text does not use it"),
        ]
    )


def _run(arguments: command_line.Arguments) -> None:
    settings = arguments.settings(RecordsConfig)
    if arguments.settings(BuildOptions).kind == _MULTIMODAL:
        from tfrecords.stages.multimodal import prepare_multimodal

        prepare_multimodal(settings, arguments.settings(MultimodalConfig))
    else:
        prepare_records(settings)


if __name__ == "__main__":
    sys.exit(main())
