"""Predictions for texts, written as a table, CSV or JSON lines."""

import csv
import dataclasses
import io
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator

_EXCERPT = 60  # characters of a text that a table shows


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the model predicts for one text.

    Attributes:
        id: Id of the text.
        text: The text.
        label: Name of the most probable class.
        score: Probability of that class.
        probabilities: Probabilities of all classes, in label order.
        novelty: Share of the validation texts whose images are nearer to the
            train images, in [0, 1]; `None` from runs and exports of earlier
            versions.
    """

    id: int
    text: str
    label: str
    score: float
    probabilities: tuple[float, ...]
    novelty: float | None = None


def table(
    predictions: Iterable[Prediction], label_names: tuple[str, ...]
) -> Iterator[str]:
    """Aligned lines: id, label, score, novelty, the beginning of the text."""
    width = max(len(printable(name)) for name in (*label_names, "label"))
    has_novelty, predictions = _look_for_novelty(predictions)
    column = "novelty  " if has_novelty else ""
    yield f"{'id':>6}  {'label':<{width}}  score   {column}text\n"
    for prediction in predictions:
        text = printable(prediction.text[: 4 * _EXCERPT])
        if len(text) > _EXCERPT:
            text = text[: _EXCERPT - 1] + "…"
        if prediction.novelty is not None:
            text = f"{prediction.novelty:<7.3f}  {text}"
        yield (
            f"{prediction.id:>6}  {printable(prediction.label):<{width}}  "
            f"{prediction.score:.4f}  {text}\n"
        )


def comma_separated(
    predictions: Iterable[Prediction], label_names: tuple[str, ...]
) -> Iterator[str]:
    """CSV: id, label, score, each class's probability, novelty, text."""
    names = [f"probability_{name}" for name in label_names]
    has_novelty, predictions = _look_for_novelty(predictions)
    if has_novelty:
        names.append("novelty")
    yield row(("id", "label", "score", *names, "text"))
    for prediction in predictions:
        yield row(
            (
                prediction.id,
                prediction.label,
                f"{prediction.score:.6f}",
                *(f"{value:.6f}" for value in prediction.probabilities),
                *([f"{prediction.novelty:.3f}"] if has_novelty else ()),
                encodable(prediction.text),
            )
        )


def json_lines(
    predictions: Iterable[Prediction], label_names: tuple[str, ...]
) -> Iterator[str]:
    """One object per line: as CSV, with the probabilities by class."""
    for prediction in predictions:
        value = {
            "id": prediction.id,
            "label": prediction.label,
            "score": prediction.score,
            "probabilities": dict(
                zip(label_names, prediction.probabilities, strict=True)
            ),
            "novelty": prediction.novelty,
            "text": encodable(prediction.text),
        }
        if prediction.novelty is None:
            del value["novelty"]
        yield json.dumps(value, ensure_ascii=False) + "\n"


Format = Callable[[Iterable[Prediction], tuple[str, ...]], Iterator[str]]
FORMATS: dict[str, Format] = {
    "table": table,
    "csv": comma_separated,
    "jsonl": json_lines,
}


def print_lines(lines: Iterable[str]) -> int:
    """Writes each line to standard output as soon as it is there.

    Returns:
        The program's exit code: 0, also when the reader has seen enough
        (`head`), or 130 after Ctrl-C.
    """
    try:
        for line in lines:
            sys.stdout.write(line)
            sys.stdout.flush()
    except BrokenPipeError:
        # Nothing is left to flush when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130  # without a word: there is nothing to resume
    return 0


def _look_for_novelty(
    predictions: Iterable[Prediction],
) -> tuple[bool, Iterator[Prediction]]:
    """Whether the first prediction has a novelty; the predictions again."""
    stream = iter(predictions)
    first = list(itertools.islice(stream, 1))
    has_novelty = bool(first) and first[0].novelty is not None
    return has_novelty, itertools.chain(first, stream)


def printable(text: str) -> str:
    """The text on one line, without characters that control a terminal."""
    text = " ".join(encodable(text).split())
    return "".join(c if c.isprintable() else "?" for c in text)


def encodable(text: str) -> str:
    """The text with `?` for what UTF-8 cannot encode (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def row(values: Iterable[object]) -> str:
    """A line of CSV."""
    return rows([values])


def rows(lines: Iterable[Iterable[object]]) -> str:
    """Lines of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
