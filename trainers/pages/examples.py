"""Examples for the page: validation texts, the run's mistakes first."""

import dataclasses
from collections.abc import Iterator

from absl import logging

from tfrecords import paths, reader
from trainers.runs.loading import Run
from trainers.runs.predictions import read_rows
from trainers.serving import agreement

_SEARCHED = 2000  # records; a stack of BERT base has 37 kB
_MISTAKES, _CORRECT = 8, 4
_SPLIT = "validation"


@dataclasses.dataclass(frozen=True)
class Example:
    """A validation text.

    Attributes:
        text: The text.
        truth: Its class.
        label: The class that the run predicted.
        probability: Its probability.
    """

    text: str
    truth: str
    label: str
    probability: float


def choose(run: Run, longest: int) -> list[Example]:
    """Chooses texts the run was surest of: mistakes, then correct ones.

    Args:
        run: A finished run.
        longest: Most characters of a text.

    Returns:
        Examples, among the first 2,000 of the validation split; none if the
        records with the texts are gone, which is logged.
    """
    records = agreement.text_records(
        paths.open_path(run.config.image_records), run.origin.provenance["cls"]
    )
    if records is None:
        logging.warning(
            "page: no examples: the records that %s was trained on are not "
            "there. Start the page in the directory the run was trained in, "
            "or build the records again.",
            run.workdir,
        )
        return []
    texts = dict(_read_texts(records, longest))
    examples = [
        Example(texts[key], truth, label, max(map(float, probabilities)))
        for key, truth, label, *probabilities in read_rows(run.workdir)
        if key in texts
    ]
    examples.sort(key=lambda example: -example.probability)
    mistakes = [each for each in examples if each.label != each.truth]
    correct = [each for each in examples if each.label == each.truth]
    return mistakes[:_MISTAKES] + correct[:_CORRECT]


def _read_texts(records: paths.Path, longest: int) -> Iterator[tuple[str, str]]:
    manifest = reader.open_records(records)
    count = min(_SEARCHED, manifest.num_examples(_SPLIT))
    batches = reader.read_records(
        records, _SPLIT, manifest=manifest, rows=range(count)
    )
    for batch in batches:
        for key, value in zip(
            batch["id"].numpy(), batch["text"].numpy(), strict=True
        ):
            text = value.decode("utf-8", "replace")
            if text.strip() and len(text) <= longest:
                yield key.decode(), text
