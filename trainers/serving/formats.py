"""Answers to texts, written as a table, CSV or JSON lines; their pictures."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import pathlib
import sys
import typing
from collections.abc import Callable, Iterable, Iterator

from tfrecords import command_line

if typing.TYPE_CHECKING:
    import numpy as np

_EXCERPT = 60  # characters of a text that a table shows


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the model says of one text.

    Attributes:
        id: Of the text.
        text: The text.
        label: The likeliest class.
        score: Its probability.
        probabilities: Of every class, in label order.
    """

    id: int
    text: str
    label: str
    score: float
    probabilities: tuple[float, ...]


def table(
    answers: Iterable[Answer], label_names: tuple[str, ...]
) -> Iterator[str]:
    """Aligned lines: id, label, score and the text's beginning."""
    width = max(len(_tame(name)) for name in (*label_names, "label"))
    yield f"{'id':>6}  {'label':<{width}}  score   text\n"
    for answer in answers:
        text = _tame(answer.text[: 4 * _EXCERPT])
        if len(text) > _EXCERPT:
            text = text[: _EXCERPT - 1] + "…"
        yield (
            f"{answer.id:>6}  {_tame(answer.label):<{width}}  "
            f"{answer.score:.4f}  "
            f"{text}\n"
        )


def comma_separated(
    answers: Iterable[Answer], label_names: tuple[str, ...]
) -> Iterator[str]:
    """CSV with a header: id, label, score, each class's probability, text."""
    names = (f"probability_{name}" for name in label_names)
    yield _row(("id", "label", "score", *names, "text"))
    for answer in answers:
        yield _row(
            (
                answer.id,
                answer.label,
                f"{answer.score:.6f}",
                *(f"{value:.6f}" for value in answer.probabilities),
                _writable(answer.text),
            )
        )


def json_lines(
    answers: Iterable[Answer], label_names: tuple[str, ...]
) -> Iterator[str]:
    """An object a line: id, label, score, probabilities by class, text."""
    for answer in answers:
        value = {
            "id": answer.id,
            "label": answer.label,
            "score": answer.score,
            "probabilities": dict(
                zip(label_names, answer.probabilities, strict=True)
            ),
            "text": _writable(answer.text),
        }
        yield json.dumps(value, ensure_ascii=False) + "\n"


Format = Callable[[Iterable[Answer], tuple[str, ...]], Iterator[str]]
FORMATS: dict[str, Format] = {
    "table": table,
    "csv": comma_separated,
    "jsonl": json_lines,
}


@contextlib.contextmanager
def ending_as_shells_expect() -> Iterator[None]:
    """Ends a program that streams answers without a trace.

    A reader that has seen enough (`head`) is no error; Ctrl-C exits with 130;
    what a user can mend is told.
    """
    try:
        yield
    except BrokenPipeError:
        # Nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)  # not `command_line.fail`: there is nothing to go on from
    except command_line.MENDABLE as error:
        command_line.fail(error)


def save_picture(path: pathlib.Path, image: "np.ndarray") -> None:
    """Saves a picture `(H, W, 1 or 3)` in [0, 1] as an 8-bit PNG."""
    import numpy as np
    import tensorflow as tf

    pixels = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    path.write_bytes(tf.io.encode_png(pixels).numpy())


def _tame(text: str) -> str:
    """One line, without control characters that move the cursor."""
    text = " ".join(_writable(text).split())
    return "".join(c if c.isprintable() else "?" for c in text)


def _writable(text: str) -> str:
    """The text with what UTF-8 cannot hold (lone surrogates) as `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _row(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
