r"""Converts a published weight file to the few megabytes of one slice.

For machines without a network: run this once where there is one, copy the
file, and give it to `--weights=PATH`.

    python -m trainers.weights.convert --backbone=resnext \
        --output=resnext.safetensors
"""

import dataclasses
import functools
import pathlib
import sys
import tempfile
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line
from tfrecords.settings import setting
from trainers import backbones

_common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class ConvertOptions:
    """Which file becomes which slice."""

    backbone: str = _common(
        "", "Architecture of the slice.", tuple(sorted(backbones.BACKBONES))
    )
    output: str = _common("", "The .safetensors file to write.")
    input: str = _common(
        "",
        "Local copy of the published file. By default the file is fetched.",
    )
    unverified: bool = _common(
        False, "Accept an --input that is not the published file."
    )


PROGRAM = command_line.Program(
    "trainers.weights.convert",
    __doc__,
    settings=(ConvertOptions,),
    resumes=False,
)


def convert_file(
    backbone: backbones.Backbone,
    source: pathlib.Path | None,
    output: pathlib.Path,
    *,
    verify: bool = True,
) -> None:
    """Writes the slice of a full architecture's weight file.

    Args:
        backbone: Entry of the table.
        source: Local copy of the published file; `None` fetches it.
        output: The .safetensors file to write.
        verify: Whether `source` must be the published file, by size and hash.

    Raises:
        RuntimeError: If the published file cannot be fetched.
        ValueError: If a file is not the published one or not for this slice.
    """
    from trainers.backbones.slices import build_slice
    from trainers.weights import cache, download, published

    file = published.PUBLISHED[backbone.name]
    slice_ = build_slice(backbone)
    with tempfile.TemporaryDirectory() as directory:
        if source is None:
            source = download.fetch(file, pathlib.Path(directory))
        elif verify:
            download.verify(source, file)
        cache.convert(
            source, output, slice_, backbone, source=file if verify else None
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Converts the file that the flags name."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    for name in ("backbone", "output"):
        if name not in arguments.typed:
            raise command_line.UsageError(f"Expected --{name}. Received: none.")
    options = arguments.settings(ConvertOptions)
    arguments.refuse_ignored(
        [(("unverified",), not options.input, "there is no --input")]
    )
    if not options.output.endswith(".safetensors"):
        raise ValueError(
            f"--output must end in .safetensors. Received: {options.output}"
        )
    if options.input and not pathlib.Path(options.input).is_file():
        raise FileNotFoundError(
            f"--input must be a file. Received: {options.input}. Omit it to "
            "fetch the published one."
        )


def _run(arguments: command_line.Arguments) -> None:
    options = arguments.settings(ConvertOptions)
    convert_file(
        backbones.get_backbone(options.backbone),
        pathlib.Path(options.input) if options.input else None,
        pathlib.Path(options.output),
        verify=not options.unverified,
    )
    logging.info("Wrote %s", options.output)


if __name__ == "__main__":
    sys.exit(main())
