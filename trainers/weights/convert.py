r"""Converts a published weight file to a slice's own few megabytes.

For machines without a network: run this once where there is one, copy the
file, and give it to `--weights=PATH`.

    python -m trainers.weights.convert --backbone=resnext \
        --output=resnext.safetensors

`--input` takes a file that was fetched by other means; it must be the
published one, unless `--unverified` says otherwise.
"""

import argparse
import logging
import pathlib
import sys
import tempfile
from collections.abc import Sequence

from trainers import backbones


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
        source: Local copy of the published file; None fetches it.
        output: The .safetensors file to write.
        verify: Whether `source` must be the published file, by size and hash.

    Raises:
        FileNotFoundError: If `source` does not exist.
        RuntimeError: If the published file cannot be fetched.
        ValueError: If a file is not the published one or not for this slice,
            or `output` has another extension.
    """
    from trainers.weights import cache, download, published

    if output.suffix != ".safetensors":
        raise ValueError(
            f"`output` must end in .safetensors. Received: {str(output)!r}"
        )
    if source is not None and not source.is_file():
        raise FileNotFoundError(
            f"`input` must be a file. Received: {str(source)!r}. Leave it out "
            "to fetch the published one."
        )
    file = published.PUBLISHED[backbone.name]
    slice_ = backbones.build_slice(backbone)
    with tempfile.TemporaryDirectory() as directory:
        if source is None:
            source = download.fetch(file, pathlib.Path(directory))
        elif verify:
            download.verify(source, file)
        cache.convert(
            source, output, slice_, backbone, source=file if verify else None
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the flags and converts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backbone", required=True, choices=sorted(backbones.BACKBONES)
    )
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--unverified", action="store_true")
    flags = parser.parse_args(argv)
    if flags.unverified and flags.input is None:
        parser.error("--unverified is for a file given with --input")
    try:
        convert_file(
            backbones.get_backbone(flags.backbone),
            flags.input,
            flags.output,
            verify=not flags.unverified,
        )
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"convert: {error}")
    logging.info("Wrote %s", flags.output)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
