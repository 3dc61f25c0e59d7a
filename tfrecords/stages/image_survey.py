"""One pass over a corpus of captioned images: missing and broken parts."""

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable, Iterator

import tqdm

from text2image import cpu
from text2image.corpora.examples import CAPTIONS, CaptionedImage, Corpus
from text2image.corpora.rows import Fault
from tfrecords import jpeg

_BATCH_SIZE = 256  # samples whose images are checked in threads
_SHOWN = 8  # broken images that the error lists


@dataclasses.dataclass(frozen=True)
class Survey:
    """Missing and broken parts of a corpus.

    Attributes:
        missing: Source to the counts `samples`, `title`, `description` and
            those of further texts: the number of samples, and how many lack
            each text (the paper's Table 1).
        broken: A line for each image that is missing or cannot be read.
        broken_rows: Part of the corpus to the rows of these images in it,
            counted from 0.
        num_bytes: Stored size of all other images.
    """

    missing: dict[str, dict[str, int]]
    broken: list[str]
    broken_rows: dict[str, set[int]]
    num_bytes: int

    def without_broken(
        self, source: Corpus[CaptionedImage]
    ) -> Corpus[CaptionedImage]:
        """Returns the corpus without the samples of broken images."""
        return dataclasses.replace(
            source,
            parts={
                name: _without(read, self.broken_rows.get(name, set()))
                for name, read in source.parts.items()
            },
        )


def _without(
    read: Callable[[], Iterator[CaptionedImage | Fault]], rows: set[int]
) -> Callable[[], Iterator[CaptionedImage | Fault]]:
    return lambda: (
        sample for row, sample in enumerate(read()) if row not in rows
    )


def survey_images(
    source: Corpus[CaptionedImage],
    *,
    drop: bool,
    names: tuple[str, ...] = CAPTIONS,
) -> Survey:
    """Reads every image once and counts what is missing.

    Rows that cannot be used are passed over.

    Args:
        source: The corpus.
        drop: Whether samples of broken images may be dropped.
        names: Names of the texts that are counted.

    Raises:
        ValueError: If images are missing or broken and must not be dropped,
            or no image is whole.
    """
    missing: dict[str, dict[str, int]] = {}
    broken: list[str] = []
    broken_rows: dict[str, set[int]] = {}
    num_bytes = 0
    stream = (
        (part, row, sample)
        for part, read in source.parts.items()
        for row, sample in enumerate(read())
        if not isinstance(sample, Fault)
    )
    with (
        concurrent.futures.ThreadPoolExecutor(cpu.count()) as pool,
        tqdm.tqdm(unit="image", desc="checking images") as progress,
    ):
        while batch := list(itertools.islice(stream, _BATCH_SIZE)):
            results = pool.map(_check, (sample for _, _, sample in batch))
            for (part, row, sample), result in zip(batch, results, strict=True):
                counts = missing.setdefault(
                    sample.source, dict.fromkeys(("samples", *names), 0)
                )
                counts["samples"] += 1
                for name in names:
                    counts[name] += not sample.texts.get(name)
                if isinstance(result, str):
                    broken.append(f"{sample.place}: {result}")
                    broken_rows.setdefault(part, set()).add(row)
                else:
                    num_bytes += result
            progress.update(len(batch))
    total = sum(counts["samples"] for counts in missing.values())
    if broken and (not drop or len(broken) == total):
        lines = broken[:_SHOWN]
        if len(broken) > _SHOWN:
            lines.append(f"and {len(broken) - _SHOWN} more")
        cure = ", or drop their samples with --broken_images=drop"
        raise ValueError(
            f"{len(broken)} of {total} images are missing or broken:\n"
            + "\n".join(lines)
            + f"\nRepair them{cure if len(broken) < total else ''}."
        )
    return Survey(missing, broken, broken_rows, num_bytes)


def _check(sample: CaptionedImage) -> int | str:
    """Returns the size of an image in bytes, or what is wrong with it."""
    try:
        content = sample.read_image()
        jpeg.decode(content)
    except FileNotFoundError as error:
        return f"no such file: {error.filename}"
    except (OSError, ValueError) as error:
        return str(error)
    return len(content)
