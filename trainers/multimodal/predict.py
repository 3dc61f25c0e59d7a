r"""Labels for images with texts; or whether a claimed label holds.

    python -m trainers.multimodal.predict --workdir=RUN --image=a.jpg \
        --title="A title"
    python -m trainers.multimodal.predict --workdir=RUN --file=products.jsonl
    python -m trainers.multimodal.predict --workdir=RUN --verify \
        --file=claims.jsonl

Writes one JSON object per line, in the order of the samples.
"""

import dataclasses
import functools
import json
import sys
from collections.abc import Sequence

from tfrecords import command_line, ranges
from tfrecords.settings import validate
from trainers.multimodal import sample_options
from trainers.multimodal.sample_options import SampleOptions
from trainers.serving import formats
from trainers.serving.options import ModelOptions, common


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """Whether samples are labelled or verified."""

    label: str = common("", "The sample's claimed label, for --verify.")
    verify: bool = common(
        False,
        "Say whether the claimed label agrees with the model, with the "
        "probabilities and the prediction from each modality alone.",
    )
    label_key: str = common(
        "label", "Column of the claimed label, for --verify."
    )
    top: int = common(
        5,
        "Classes listed with their probabilities, the most probable first: "
        "tags to suggest.",
        ranges.Range(least=1, most=10**6),
    )
    batch_size: int = common(32, "Samples computed at a time.", ranges.BATCH)

    def __post_init__(self) -> None:
        """Refuses values that no prediction could use."""
        validate(self)


PROGRAM = sample_options.program(
    "trainers.multimodal.predict", __doc__, PredictOptions
)


def main(argv: Sequence[str] | None = None) -> int:
    """Labels one sample of the flags, or those of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is loaded."""
    sample_options.check(arguments, further_keys=("label_key",))
    options = arguments.settings(PredictOptions)
    samples = arguments.settings(SampleOptions)
    if options.verify and samples.is_typed and not options.label:
        raise command_line.UsageError(
            "Expected --verify with the claimed --label. Received: no --label."
        )
    arguments.refuse_ignored(
        [
            (
                ("label", "label_key"),
                not options.verify,
                "claimed labels are for --verify",
            ),
            (("top",), options.verify, "--verify judges the claimed label"),
            (
                ("label",),
                bool(samples.file),
                "--file holds the claimed labels",
            ),
        ]
    )


def _run(arguments: command_line.Arguments) -> int:
    from trainers.multimodal.predictor import load_predictor

    options = arguments.settings(PredictOptions)
    samples = sample_options.read(
        arguments,
        label=options.label,
        label_key=options.label_key if options.verify else None,
    )
    model = arguments.settings(ModelOptions)
    predictor = load_predictor(**dataclasses.asdict(model))
    predict = (
        predictor.verify
        if options.verify
        else functools.partial(predictor.predict, top=options.top)
    )
    predictions = predict(samples, batch_size=options.batch_size)
    return formats.print_lines(
        json.dumps(prediction, ensure_ascii=False) + "\n"
        for prediction in predictions
    )


if __name__ == "__main__":
    sys.exit(main())
