"""Corpus to records: texts to [CLS] stacks, stacks to images.

    python -m tfrecords.build --dataset=imdb_reviews --encoder=...
    python -m tfrecords.build --kind=multimodal --dataset=products.jsonl ...

The name of a set holds a fingerprint of what it is made from: a set that
exists is reused, any other is built beside it.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Sequence

from text2image.corpora import row_sources
from tfrecords import command_line, stacks_flags
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.multimodal_config import MULTIMODAL_IGNORES, MultimodalConfig
from tfrecords.paths import Path
from tfrecords.settings import setting
from tfrecords.stages import map_checks

_TEXT, _MULTIMODAL = "text", "multimodal"
_LOCAL = "local"


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
    runner: str = setting(
        _LOCAL,
        "What makes the shards: local, this process; beam, Apache Beam (pip "
        "install 'text-as-image[beam]'): processes on this machine, or the "
        "cluster that the flags after -- name. The bytes are the same.",
        (_LOCAL, "beam"),
        group="records",
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
        "splits. hashed: like pooled, but the side of an example is a hash of "
        "its text, so that no index is needed. Default: pooled.",
    },
    after_dashes=(
        "--BEAM_FLAG",
        "Flags of Apache Beam, with --runner=beam: --runner=DaskRunner, "
        "--direct_num_workers=2. See docs/guide/scale.md.",
    ),
)


def prepare_records(
    settings: RecordsConfig,
    runner: str = _LOCAL,
    *beam_flags: str,
    map_of: Path | None = None,
    layers_of: Path | None = None,
) -> tuple[Path, Path]:
    """Makes the stacks and images that do not exist yet.

    Args:
        settings: Settings of both sets.
        runner: What makes the shards: `local` or `beam`.
        *beam_flags: Flags of Apache Beam.
        map_of: Directory whose map draws the images; by default one is
            fitted.
        layers_of: Stacks of the same texts, from which the layers are taken
            instead of encoding the texts again.

    Returns:
        The directories of the `cls` and of the `image` records.
    """
    from tfrecords.stages.images import prepare_images
    from tfrecords.stages.layer_choice import prepare_layers
    from tfrecords.stages.stacks import prepare_cls
    from tfrecords.stages.stored_stacks import prepare_stacks
    from tfrecords.units.runner import Runner

    chosen = Runner(runner, beam_flags)
    if layers_of is not None:
        cls_dir = prepare_layers(settings, layers_of, chosen)
    else:
        prepare = prepare_stacks if settings.stacks else prepare_cls
        cls_dir = prepare(settings, chosen)
    return cls_dir, prepare_images(settings, cls_dir, chosen, map_of=map_of)


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
        map_checks.check_text_encoder(records, multimodal)
    if kind == _MULTIMODAL and "dataset" not in arguments.typed:
        raise ValueError(
            "--kind=multimodal needs --dataset: a .csv, .tsv or .jsonl file "
            "with a column of image paths, a directory of images or of TFDS, "
            "or a TFDS name. Received: none. There is no demo of captioned "
            "images."
        )
    runner = arguments.settings(BuildOptions).runner
    if runner == _LOCAL and arguments.rest:
        raise ValueError(
            f"Flags after -- are Apache Beam's. Received: {arguments.rest[0]} "
            "without --runner=beam. Add it, or omit them."
        )
    if runner != _LOCAL and not importlib.util.find_spec("apache_beam"):
        raise ValueError(
            "--runner=beam needs Apache Beam. Received: none installed. Use "
            "pip install 'text-as-image[beam]', or --runner=local."
        )
    multimodal_only = [
        field.name
        for field in dataclasses.fields(MultimodalConfig)
        if field.name != "pooling"
    ]
    arguments.refuse_ignored(
        [
            (
                MULTIMODAL_IGNORES,
                kind == _MULTIMODAL,
                "--kind=multimodal does not use it",
            ),
            (multimodal_only, kind == _TEXT, "--kind=text does not use it"),
            *stacks_flags.ignored(records),
            map_checks.bert_flags(records),
            (
                ("layers", "text_layers"),
                records.pooling == "first_last",
                "--pooling=first_last has layers of its own",
            ),
            (
                ("runner",),
                kind == _MULTIMODAL and runner != _LOCAL,
                "--kind=multimodal is built by one process",
            ),
        ]
    )


def _run(arguments: command_line.Arguments) -> None:
    settings = arguments.settings(RecordsConfig)
    options = arguments.settings(BuildOptions)
    if options.kind == _MULTIMODAL:
        from tfrecords.stages.multimodal import prepare_multimodal

        prepare_multimodal(settings, arguments.settings(MultimodalConfig))
    else:
        prepare_records(settings, options.runner, *arguments.rest)


if __name__ == "__main__":
    sys.exit(main())
