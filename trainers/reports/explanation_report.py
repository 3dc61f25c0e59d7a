"""Explanations of many texts: are they faithful, and what matters most?

Writes explanations.md, faithfulness.json, features.csv and figures into a run.
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import tqdm
from absl import logging

from text2image.deepinsight import figures as image_figures
from text2image.deepinsight.keras_layers import build_drawing
from text2image.deepinsight.pixel_map import PixelMap
from tfrecords import files
from trainers.explanations import (
    cascade,
    faithfulness,
    feature_table,
    figures,
    pixel_curves,
)
from trainers.explanations.cascade import LEAST_WORDS
from trainers.explanations.explainer import Explainer
from trainers.explanations.explanation import Explanation
from trainers.explanations.masked_texts import MaskedTexts
from trainers.explanations.validation_texts import (
    LabelledText,
    read_validation_texts,
)
from trainers.reports import explanation_text
from trainers.reports.figures import save
from trainers.runs import json_files, loading
from trainers.runs.file_list import FileList
from trainers.runs.workdir import (
    EXPLANATIONS_FILE,
    MODEL_SHA256,
    REPORT_FILE,
)
from trainers.serving import text_classifier
from trainers.serving.predictor import of_classifier

FAITHFULNESS_FILE = "faithfulness.json"
FEATURES_FILE = "features.csv"
_CASCADE_TEXTS = 20
_CASCADE_REPEATS = 3
_DRAWN = 2  # right answers, and as many mistakes


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """A run in the forms that the measures take."""

    run: loading.Run
    explainer: Explainer
    masked: MaskedTexts
    weights: dict[str, list[Any]]
    pixel_map: PixelMap

    def number_of(self, label: str) -> int:
        return self.explainer.label_names.index(label)


def write_report(
    workdir: pathlib.Path, num_texts: int, encoder: str | None = None
) -> pathlib.Path:
    """Explains validation texts, measures, and writes the report.

    Args:
        workdir: Directory of a finished run.
        num_texts: Most texts; of more validation texts, every n-th.
        encoder: Where the run's encoder is now, if not where it was.

    Returns:
        Path of explanations.md. `report.md`, if there is one, links it.

    Raises:
        FileNotFoundError: If the run, its encoder or its texts are missing.
        ValueError: If the run cannot take texts or does not know its mean
            train image, or no text has three words.
    """
    run = loading.load_run(workdir)
    return explain_texts(run, read_validation_texts(run, num_texts), encoder)


def explain_texts(
    run: loading.Run, texts: Sequence[LabelledText], encoder: str | None = None
) -> pathlib.Path:
    """Does what `write_report` does, for given texts."""
    workdir = run.workdir
    loaded = _load(run, encoder)
    explanations = _with_bar(
        loaded.explainer.explain(text.text for text in texts),
        "explanations",
        len(texts),
    )
    if not any(len(x.words) >= LEAST_WORDS for x in explanations):
        raise ValueError(
            f"--report takes a text of {LEAST_WORDS} words or more: fewer have "
            f"no order to test. Received: {len(texts)}, all shorter. A larger "
            "--num_texts finds longer ones, if the run has any."
        )
    occupied = image_figures.occupied(explanations[0].mean_image)
    words = _with_bar(
        faithfulness.measure_words(
            explanations, loaded.masked, loaded.number_of
        ),
        "words",
        len(texts),
    )
    pixels = _with_bar(
        faithfulness.measure_pixels(
            explanations, occupied, run.model, loaded.number_of
        ),
        "pixels",
        len(texts),
    )
    result = {
        "model_sha256": run.metrics[MODEL_SHA256],
        "num_texts": len(texts),
        "num_validation": run.metrics["num_validation"],
        "completeness": {
            "words": faithfulness.completeness(
                [x.words_error for x in explanations],
                [x.margin - x.words_baseline for x in explanations],
            ),
            "pixels": faithfulness.completeness(
                [x.pixels_error for x in explanations],
                [x.margin - x.image_baseline for x in explanations],
            ),
        },
        "words": faithfulness.compare(
            words, ("comprehensiveness", "sufficiency")
        ),
        "pixels": faithfulness.compare(
            [
                {name: pixel_curves.area(both) for name, both in row.items()}
                for row in pixels
            ],
            ("deletion", "insertion"),
        ),
        "cascade": _cascade(loaded, explanations),
        "layers": _layers(explanations, loaded.explainer.layers),
    }
    examples = _examples(texts, explanations)
    drawn = {
        "contributions.png": _draw_classes(loaded, explanations),
        "pixel_curves.png": _draw_curves(pixels),
        **{
            f"explanation{number}.png": figures.draw_explanation(
                explanation,
                loaded.explainer.layers,
                f"{text.id} ({text.label})",
            )
            for number, (text, explanation) in enumerate(examples, start=1)
        },
    }
    for name, figure in drawn.items():
        save(figure, workdir / name)
    json_files.write_checked(workdir / FAITHFULNESS_FILE, result)
    files.write_text(
        workdir / FEATURES_FILE,
        feature_table.compose(
            np.stack([x.features for x in explanations]),
            _classes(loaded, explanations),
            loaded.explainer.label_names,
            loaded.explainer.layers,
            loaded.pixel_map,
        ),
    )
    path = workdir / EXPLANATIONS_FILE
    files.write_text(
        path, explanation_text.compose(result, list(drawn), examples)
    )
    FileList.of_run(workdir).record(
        (EXPLANATIONS_FILE, FAITHFULNESS_FILE, FEATURES_FILE, *drawn)
    )
    _link(workdir)
    logging.info("explanations: see %s", path)
    return path


def _load(run: loading.Run, encoder: str | None) -> _Loaded:
    classifier = text_classifier.load_classifier(run, encoder)
    bert = classifier.encoder
    fitted = PixelMap.load(run.workdir)
    return _Loaded(
        run,
        Explainer(of_classifier(classifier)),
        MaskedTexts(bert, build_drawing(fitted, bert.stack_shape), run.model),
        cascade.stages(run.model, bert.model),
        fitted,
    )


def _with_bar(values: Iterable[Any], name: str, total: int) -> list[Any]:
    return list(tqdm.tqdm(values, desc=name, total=total, unit=" texts"))


def _classes(
    loaded: _Loaded, explanations: Sequence[Explanation]
) -> np.ndarray:
    return np.array([loaded.number_of(x.label) for x in explanations])


def _cascade(
    loaded: _Loaded, explanations: Sequence[Explanation]
) -> dict[str, list[float]]:
    chosen = [x for x in explanations if len(x.words) >= LEAST_WORDS]
    chosen = chosen[:_CASCADE_TEXTS]
    passes = 1 + _CASCADE_REPEATS * len(loaded.weights)
    with tqdm.tqdm(
        desc="cascade", total=passes * len(chosen), unit=" texts"
    ) as bar:

        def explain() -> list[np.ndarray]:
            contributions = []
            for x in chosen:
                (again,) = loaded.explainer.explain([x.text], label=x.label)
                contributions.append(
                    np.array([word.contribution for word in again.words])
                )
                bar.update()
            return contributions

        return cascade.cascade(
            loaded.weights, explain, repeats=_CASCADE_REPEATS
        )


def _layers(
    explanations: Sequence[Explanation], layers: Sequence[int]
) -> dict[str, dict[str, float]]:
    """BERT layer to the means of its contribution and of its size."""
    sums = np.stack([x.features.sum(axis=1) for x in explanations])  # (N, L)
    return {
        str(layer): {
            "mean": float(values.mean()),
            "mean_size": float(np.abs(values).mean()),
        }
        for layer, values in zip(layers, sums.T, strict=True)
    }


def _examples(
    texts: Sequence[LabelledText], explanations: Sequence[Explanation]
) -> list[tuple[LabelledText, Explanation]]:
    """The answers with the largest margins: right ones, then mistakes."""
    pairs = sorted(
        zip(texts, explanations, strict=True), key=lambda pair: -pair[1].margin
    )
    right = [pair for pair in pairs if pair[0].label == pair[1].label]
    wrong = [pair for pair in pairs if pair[0].label != pair[1].label]
    return [*right[:_DRAWN], *wrong[:_DRAWN]]


def _draw_classes(
    loaded: _Loaded, explanations: Sequence[Explanation]
) -> matplotlib.figure.Figure:
    names = loaded.explainer.label_names
    means = feature_table.class_means(
        np.stack([x.pixels for x in explanations]),
        _classes(loaded, explanations),
        len(names),
    )
    return figures.draw_class_means(means, explanations[0].mean_image, names)


def _draw_curves(
    pixels: Sequence[Mapping[str, np.ndarray]],
) -> matplotlib.figure.Figure:
    means = {
        method: np.mean([row[method] for row in pixels], axis=0)
        for method in pixels[0]
    }
    return figures.draw_curves(
        {
            name: {method: mean[place] for method, mean in means.items()}
            for place, name in enumerate(("deletion", "insertion"))
        }
    )


def _link(workdir: pathlib.Path) -> None:
    """Adds the line to report.md that its next version has, too."""
    path = workdir / REPORT_FILE
    if path.is_file():
        text = path.read_text("utf-8")
        if explanation_text.LINK not in text:
            files.write_text(path, f"{text}\n{explanation_text.LINK}\n")
            FileList.of_run(workdir).record((REPORT_FILE,))
