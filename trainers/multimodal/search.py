r"""Rows of a run's records that are like an image, a text, or both.

    python -m trainers.multimodal.search --workdir=RUN --image=a.jpg \
        --title="A title"
    python -m trainers.multimodal.search --workdir=RUN --text="red shoes"
    python -m trainers.multimodal.search --workdir=RUN --file=products.jsonl \
        --format=jsonl

Nearest by the cosine of the joint vector, exactly. The first search makes the
run's index; a killed making starts again.
"""

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence

from text2image.corpora.examples import CaptionedImage
from tfrecords import command_line, ranges
from tfrecords.settings import validate
from trainers.multimodal import sample_options, search_formats
from trainers.multimodal.sample_options import SampleOptions
from trainers.serving import formats
from trainers.serving.options import (
    FILE_FLAGS,
    ModelOptions,
    check_model,
    common,
)


@dataclasses.dataclass(frozen=True)
class SearchOptions:
    """What is searched for, and how many rows are found."""

    text: str = common(
        "", "A text to search with, as title and as description."
    )
    top: int = common(
        10, "Rows per sample, the nearest.", ranges.Range(least=1, most=10**5)
    )
    format: str = common(
        "table", "Format of the rows.", tuple(search_formats.FORMATS)
    )
    evaluate: bool = common(
        False,
        "Instead of samples, search with the held-out rows among the train "
        "rows, and say how many of the nearest have their class, and how many "
        "searches a second takes.",
    )
    batch_size: int = common(32, "Samples computed at a time.", ranges.BATCH)

    def __post_init__(self) -> None:
        """Refuses values that no search could use."""
        validate(self)


# Flags of the sample that --text and --evaluate replace.
_SAMPLES = (
    *(field.name for field in dataclasses.fields(SampleOptions)),
    *FILE_FLAGS,
)

PROGRAM = sample_options.program(
    "trainers.multimodal.search", __doc__, SearchOptions
)


def main(argv: Sequence[str] | None = None) -> int:
    """Searches with one sample of the flags, or those of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is loaded."""
    model = arguments.settings(ModelOptions)
    options = arguments.settings(SearchOptions)
    samples = arguments.settings(SampleOptions)
    if model.export_dir:
        raise command_line.UsageError(
            "Expected --workdir=RUN: an export has no rows to search among. "
            "Received: --export_dir."
        )
    if not (options.evaluate or options.text):
        sample_options.check(arguments)
        return
    check_model(model)
    if options.text and (samples.file or samples.is_typed):
        raise command_line.UsageError(
            "Expected --text alone: it is title and description at once. "
            "Received: --text with --file, --image, --title or --description. "
            "Use --image with --title and --description instead."
        )
    arguments.refuse_ignored(
        [
            (
                (*_SAMPLES, "text", "batch_size", "format", "encoder"),
                options.evaluate,
                "--evaluate searches with the held-out rows",
            ),
            (_SAMPLES, True, "only a --file has columns or an encoding"),
        ]
    )


def _run(arguments: command_line.Arguments) -> int:
    from trainers.multimodal import loading, retrieval, vector_index
    from trainers.training.metrics import held_out_split

    options = arguments.settings(SearchOptions)
    model = arguments.settings(ModelOptions)
    if options.evaluate:
        run = loading.load_run(model.workdir)
        index = vector_index.open_index(run)
        measured = retrieval.measure(
            index, held_out_split(run.manifest), options.top
        )
        return formats.print_lines(retrieval.table(measured))
    samples = _samples(arguments, options)
    return formats.print_lines(
        search_formats.FORMATS[options.format](_find(model, samples, options))
    )


def _samples(
    arguments: command_line.Arguments, options: SearchOptions
) -> Iterator[CaptionedImage]:
    if not options.text:
        return sample_options.read(arguments)
    texts = SampleOptions(title=options.text, description=options.text)
    return iter([sample_options.typed_sample(texts)])


def _find(
    model: ModelOptions,
    samples: Iterable[CaptionedImage],
    options: SearchOptions,
) -> Iterator[search_formats.Found]:
    import numpy as np

    from trainers.multimodal import loading, predictor, vector_index

    run = loading.load_run(model.workdir)
    index = vector_index.open_index(run)
    asked = predictor.of_run(run, model.encoder or None)
    vectors = asked.embed(samples, batch_size=options.batch_size)
    while batch := list(itertools.islice(vectors, options.batch_size)):
        queries = np.stack([vector for _, vector in batch])
        for (sample, _), query in zip(batch, queries, strict=True):
            if not query.any():
                raise ValueError(
                    f"{sample.place}: expected some of what the model sees: "
                    f"{', '.join(index.widths)}. Received: none of it."
                )
        scores, numbers = index.nearest(queries, options.top)
        for (sample, _), row_scores, row_numbers in zip(
            batch, scores, numbers, strict=True
        ):
            yield search_formats.Found(
                sample.id, index.read(row_numbers), row_scores.tolist()
            )


if __name__ == "__main__":
    sys.exit(main())
