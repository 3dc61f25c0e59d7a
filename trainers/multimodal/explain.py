r"""Why images with texts get their labels: modalities, words, image region.

    python -m trainers.multimodal.explain --workdir=RUN --image=a.jpg \
        --title="A title"
    python -m trainers.multimodal.explain --workdir=RUN --file=products.jsonl \
        --format=jsonl --figure_dir=FIGURES

The explanations go to standard output, in the order of the samples.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence

from tfrecords import command_line, files
from tfrecords.settings import validate
from trainers.multimodal import explanation_formats, sample_options
from trainers.multimodal.explanation import SampleExplanation
from trainers.serving.formats import print_lines
from trainers.serving.options import ModelOptions, common


@dataclasses.dataclass(frozen=True)
class SampleExplainOptions:
    """What is explained, and how the explanations are written."""

    label: str = common(
        "", "Class that is explained. By default the predicted one."
    )
    format: str = common(
        "table",
        "Format of the explanations.",
        tuple(explanation_formats.FORMATS),
    )
    figure_dir: str = common(
        "",
        "Draw each sample's explanation to this directory, as 000001.png and "
        "so on in the order of the samples.",
    )

    def __post_init__(self) -> None:
        """Refuses values that no explanation could use."""
        validate(self)


PROGRAM = sample_options.program(
    "trainers.multimodal.explain", __doc__, SampleExplainOptions
)


def main(argv: Sequence[str] | None = None) -> int:
    """Explains one sample of the flags, or those of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    if arguments.settings(ModelOptions).export_dir:
        raise command_line.UsageError(
            "Expected --workdir=RUN: an export has no feature maps to explain "
            "an image by. Received: --export_dir."
        )
    sample_options.check(arguments)


def _run(arguments: command_line.Arguments) -> int:
    import tqdm

    from trainers.multimodal.explainer import load_explainer

    options = arguments.settings(SampleExplainOptions)
    model = arguments.settings(ModelOptions)
    samples = sample_options.read(arguments)
    if options.figure_dir:
        files.make_directory(pathlib.Path(options.figure_dir), "figure_dir")
    explainer = load_explainer(model.workdir, model.encoder or None)
    explanations: Iterable[SampleExplanation] = explainer.explain(
        samples, label=options.label or None
    )
    if options.figure_dir:
        explanations = _drawn(explanations, pathlib.Path(options.figure_dir))
    if not sys.stdout.isatty():  # there the explanations show the progress
        explanations = tqdm.tqdm(explanations, unit=" samples", mininterval=0.5)
    write = explanation_formats.FORMATS[options.format]
    return print_lines(write(explanations, explainer.label_names))


def _drawn(
    explanations: Iterable[SampleExplanation], directory: pathlib.Path
) -> Iterator[SampleExplanation]:
    """Passes explanations on and draws each before the next is computed."""
    from trainers.multimodal.explanation_figure import draw_sample
    from trainers.reports.figures import save

    for number, item in enumerate(explanations, start=1):
        save(draw_sample(item), directory / f"{number:06d}.png")
        yield item


if __name__ == "__main__":
    sys.exit(main())
