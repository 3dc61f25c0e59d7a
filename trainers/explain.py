"""Why texts get their labels: words, BERT layers and pixels, by a run.

    python -m trainers.explain --workdir=RUN "a gripping film" "dull"
    python -m trainers.explain --export_dir=DIR --file=reviews.csv
    python -m trainers.explain --workdir=RUN --report

The explanations go to standard output one by one, in the order of the texts.
--report explains validation texts instead and writes explanations.md into the
run: whether explanations are faithful, and which features matter most.
"""

import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence

from absl import logging

from tfrecords import command_line, files, ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import validate
from trainers.explanations import formats
from trainers.explanations.explanation import Explanation
from trainers.explanations.options import METHODS
from trainers.serving import text_options
from trainers.serving.formats import print_lines
from trainers.serving.options import FileOptions, ModelOptions, common
from trainers.serving.text_options import TextOptions


@dataclasses.dataclass(frozen=True)
class ExplainOptions:
    """What is explained, and how the explanations are written."""

    label: str = common(
        "", "Class that is explained. By default the predicted one."
    )
    method: str = common(
        "gradients",
        "How words get their contributions. gradients: integrated gradients. "
        "occlusion: what the margin loses without the word; a call of the "
        "model per word.",
        METHODS,
    )
    format: str = common(
        "table", "Format of the explanations.", tuple(formats.FORMATS)
    )
    figure_dir: str = common(
        "",
        "Draw each text's explanation to this directory, as 000001.png for "
        "the text with id 1.",
    )
    report: bool = common(
        False,
        "Explain validation texts of a run, test the explanations, and write "
        "explanations.md, features.csv and figures into the run. Takes "
        "minutes.",
    )
    num_texts: int = common(
        200, "Most texts that --report explains.", ranges.EXAMPLES
    )

    def __post_init__(self) -> None:
        """Refuses values that no explanation could use."""
        validate(self)


# Flags that choose or describe other texts than a report's.
_NOT_FOR_REPORT = (
    "export_dir",
    *("label", "method", "format", "figure_dir"),
    *(
        field.name
        for group in (TextOptions, FileOptions)
        for field in dataclasses.fields(group)
    ),
)
PROGRAM = command_line.Program(
    "trainers.explain",
    __doc__,
    settings=(
        ModelOptions,
        TextOptions,
        ExplainOptions,
        FileOptions,
        DeviceOptions,
    ),
    positional=("TEXT", "Texts to explain, instead of a --file."),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Explains the texts of the command line or of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    is_report = arguments.settings(ExplainOptions).report
    arguments.refuse_ignored(
        [
            (("num_texts",), not is_report, "only a --report chooses texts"),
            (
                _NOT_FOR_REPORT,
                is_report,
                "--report explains the validation texts of a run",
            ),
        ]
    )
    if not is_report:
        text_options.check(arguments)
        return
    if arguments.rest or not arguments.settings(ModelOptions).workdir:
        raise command_line.UsageError(
            "Expected --workdir and no texts with --report. Received: "
            f"{'texts' if arguments.rest else 'no --workdir'}."
        )


def _run(arguments: command_line.Arguments) -> int:
    import tqdm

    from trainers.explanations.explainer import load_explainer

    options = arguments.settings(ExplainOptions)
    model = arguments.settings(ModelOptions)
    if options.report:
        from trainers.reports.explanation_report import write_report

        write_report(
            pathlib.Path(model.workdir), options.num_texts, model.encoder
        )
        return 0
    texts = text_options.read(arguments)
    # A file that cannot be read is reported before the model is loaded.
    first = list(itertools.islice(texts, 1))
    if not first:
        logging.warning("no texts in %s", arguments.settings(TextOptions).file)
    if options.figure_dir:
        files.make_directory(pathlib.Path(options.figure_dir), "figure_dir")
    explainer = load_explainer(**dataclasses.asdict(model))
    ids, contents = itertools.tee(itertools.chain(first, texts))
    explanations: Iterable[tuple[int, Explanation]] = zip(
        (text.id for text in ids),
        explainer.explain(
            (text.text for text in contents),
            label=options.label or None,
            method=options.method,
        ),
        strict=True,
    )
    if options.figure_dir:
        explanations = _drawn(
            explanations, explainer.layers, pathlib.Path(options.figure_dir)
        )
    if not sys.stdout.isatty():  # there the explanations show the progress
        explanations = tqdm.tqdm(explanations, unit=" texts", mininterval=0.5)
    write = formats.FORMATS[options.format]
    return print_lines(
        write(explanations, explainer.label_names, explainer.layers)
    )


def _drawn(
    explanations: Iterable[tuple[int, Explanation]],
    layers: tuple[int, ...],
    directory: pathlib.Path,
) -> Iterator[tuple[int, Explanation]]:
    """Passes explanations on and draws each before the next is computed."""
    from trainers.explanations.figures import draw_explanation
    from trainers.reports.figures import save

    for number, item in explanations:
        figure = draw_explanation(item, layers, f"text {number}")
        save(figure, directory / f"{number:06d}.png")
        yield number, item


if __name__ == "__main__":
    sys.exit(main())
