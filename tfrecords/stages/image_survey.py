"""One pass over a corpus of pictures: what is missing, what is broken."""

import concurrent.futures
import dataclasses
import itertools
import os
import typing
from collections.abc import Callable, Iterator

import tqdm

from tfrecords import jpeg

if typing.TYPE_CHECKING:
    from text2image.corpora import examples

_AT_A_TIME = 256  # samples, the pictures of which are checked in threads


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a pass found.

    Attributes:
        missing: Source to the counts `samples`, `title`, `description`: how
            many there are, and how many lack each (the paper's Table 1).
        broken: A line for each picture that is missing or cannot be read.
        broken_rows: Part to their rows in it, from 0.
        num_bytes: Of the other pictures, as they are stored.
    """

    missing: dict[str, dict[str, int]]
    broken: list[str]
    broken_rows: dict[str, set[int]]
    num_bytes: int

    def without_broken(
        self, source: "examples.Corpus[examples.CaptionedImage]"
    ) -> "examples.Corpus[examples.CaptionedImage]":
        """The same corpus, less the samples of broken pictures."""
        return dataclasses.replace(
            source,
            parts={
                name: _without(read, self.broken_rows.get(name, set()))
                for name, read in source.parts.items()
            },
        )


def _without(
    read: Callable[[], Iterator["examples.CaptionedImage"]], rows: set[int]
) -> Callable[[], Iterator["examples.CaptionedImage"]]:
    return lambda: (item for row, item in enumerate(read()) if row not in rows)


def survey(
    source: "examples.Corpus[examples.CaptionedImage]", *, drop: bool
) -> Survey:
    """Reads every picture once and counts what is missing.

    Args:
        source: The corpus.
        drop: Whether samples of broken pictures may be left out.

    Raises:
        ValueError: If a picture is missing or broken and may not be dropped.
    """
    missing: dict[str, dict[str, int]] = {}
    broken: list[str] = []
    broken_rows: dict[str, set[int]] = {}
    num_bytes = 0
    stream = (
        (part, row, item)
        for part, read in source.parts.items()
        for row, item in enumerate(read())
    )
    with (
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
        tqdm.tqdm(unit="image", desc="checking pictures") as progress,
    ):
        while batch := list(itertools.islice(stream, _AT_A_TIME)):
            results = pool.map(_check, (item for _, _, item in batch))
            for (part, row, item), result in zip(batch, results, strict=True):
                counts = missing.setdefault(
                    item.source, {"samples": 0, "title": 0, "description": 0}
                )
                counts["samples"] += 1
                counts["title"] += not item.title
                counts["description"] += not item.description
                if isinstance(result, str):
                    broken.append(f"{item.place}: {result}")
                    broken_rows.setdefault(part, set()).add(row)
                else:
                    num_bytes += result
            progress.update(len(batch))
    if broken and not drop:
        total = sum(counts["samples"] for counts in missing.values())
        more = f"\nand {len(broken) - 8} more" if len(broken) > 8 else ""
        raise ValueError(
            f"{len(broken)} of {total} pictures are missing or broken:\n"
            + "\n".join(broken[:8])
            + more
            + "\nMend them, or leave their samples out with "
            "--broken_images=drop."
        )
    return Survey(missing, broken, broken_rows, num_bytes)


def _check(item: "examples.CaptionedImage") -> int | str:
    """Size of a picture in bytes, or what is wrong with it."""
    try:
        content = item.read_image()
        jpeg.decode(content)
    except FileNotFoundError as error:
        return f"no such file: {error.filename}"
    except (OSError, ValueError) as error:
        return str(error)
    return len(content)
