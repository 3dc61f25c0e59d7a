"""What the page shows of a text: a loaded run and a text to JSON.

Arrays go as base64 of little-endian float32, with their shape stated once; the
browser draws them.
"""

import base64
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from text2image.deepinsight.pixel_map import PixelMap
from trainers import backbones
from trainers.explanations.explainer import Explanation
from trainers.pages import examples
from trainers.pages.server import Answer, BadRequest, File, to_json
from trainers.pages.shown_runs import ShownRun

LONGEST_TEXT = 20_000  # characters
_MOST_MAPS = 64
_KINDS = {".html": "html", ".css": "css", ".js": "javascript"}
_PAGE = "index.html"

Json = dict[str, Any]


def files(runs: list[ShownRun]) -> dict[str, File]:
    """The page's files, with what it needs before any text.

    Returns:
        Path to content type and content.
    """
    directory = pathlib.Path(__file__).with_name("static")
    found = {
        f"/{path.name}": (
            f"text/{_KINDS[path.suffix]}; charset=utf-8",
            path.read_bytes(),
        )
        for path in directory.iterdir()
        if path.suffix in _KINDS
    }
    found["/"] = found.pop(f"/{_PAGE}")
    return {**found, "/runs.json": to_json(describe(runs))}


def answers(runs: list[ShownRun]) -> dict[str, Answer]:
    """Path to what answers a POST."""
    return {
        "/verdict": functools.partial(verdict, runs),
        "/explanation": functools.partial(explanation, runs),
        "/maps": functools.partial(feature_maps, runs),
    }


def describe(runs: list[ShownRun]) -> Json:
    """The runs, and the first one's examples."""
    chosen = examples.choose(runs[0].run, LONGEST_TEXT)
    return {
        "longest_text": LONGEST_TEXT,
        "examples": [dataclasses.asdict(example) for example in chosen],
        "runs": [_describe_run(run) for run in runs],
    }


def _describe_run(shown: ShownRun) -> Json:
    run, fitted = shown.run, PixelMap.load(shown.run.workdir)
    layers = shown.explainer.layers
    return {
        "name": shown.name,
        "slice": backbones.get_backbone(run.config.backbone).title,
        "accuracy": run.metrics["accuracy"],
        "num_validation": run.metrics["num_validation"],
        "num_train": run.metrics["num_train"],
        "labels": shown.explainer.label_names,
        "contrast": run.config.contrast,
        "shape": fitted.image_shape,
        "mean": _encode(shown.known.mean),
        "layers": layers,
        # Features in the order (layer, dimension), with their pixel's number.
        "dimensions": fitted.num_features // len(layers),
        "pixels": fitted.pixel_index.tolist(),
        "maps": shown.baseline["maps"].shape[1:],
    }


def verdict(runs: list[ShownRun], request: Mapping[str, Any]) -> Json:
    """What one run makes of one text; a few hundredths of a second.

    Args:
        runs: The runs of the page.
        request: `run` (its number) and `text`.

    Raises:
        BadRequest: If there is no such run, or the text is empty or too long.
    """
    shown, text = _parse(runs, request)
    image = shown.render(text)
    views = shown.views(image)
    (probabilities,) = views["probabilities"]
    return {
        "label": shown.explainer.label_names[probabilities.argmax()],
        "probabilities": probabilities.tolist(),
        "novelty": _novelty(shown, image),
        "image": _encode(image),
        "seen": _encode(views["seen"] - shown.baseline["seen"]),
        "read": _read_back(shown, views["code"]),
    }


def explanation(runs: list[ShownRun], request: Mapping[str, Any]) -> Json:
    """What speaks for a class; takes longer, the longer the text is.

    Args:
        runs: The runs of the page.
        request: As of `verdict`; `label` names the class, if not the
            predicted one.

    Raises:
        BadRequest: As `verdict`; also if there is no such class.
    """
    shown, text = _parse(runs, request)
    label = request.get("label")
    if label is not None and label not in shown.explainer.label_names:
        raise BadRequest(400, f"Expected one of {shown.explainer.label_names}.")
    (explained,) = shown.explainer.explain([text], label=label)
    return {
        "explained": explained.label,
        "margin": explained.margin,
        "words_baseline": explained.words_baseline,
        "words_error": explained.words_error,
        "image_baseline": explained.image_baseline,
        "pixels_error": explained.pixels_error,
        "segments": list(segments(explained)),
        "layers": explained.features.sum(axis=1).tolist(),
        "contributions": _encode(explained.pixels),
        "features": _encode(explained.features),
    }


def segments(explained: Explanation) -> Iterator[tuple[str, float | None]]:
    """Cuts a text into words with their contribution, and what is between."""
    end = 0
    for word in explained.words:
        if word.start > end:
            yield explained.text[end : word.start], None
        yield explained.text[word.start : word.end], word.contribution
        end = word.end
    if end < len(explained.text):
        yield explained.text[end:], None


def feature_maps(runs: list[ShownRun], request: Mapping[str, Any]) -> Json:
    """The feature maps of a text's image that differ most from the mean's.

    Args:
        runs: The runs of the page.
        request: As of `verdict`.

    Returns:
        `numbers` of at most 64 maps, ascending, and their `values`
        `(n, h, w)`, less the maps of the mean train image.
    """
    shown, text = _parse(runs, request)
    image = shown.render(text)
    maps = (shown.views(image)["maps"] - shown.baseline["maps"])[0]
    sizes = np.square(maps).sum(axis=(0, 1))
    numbers = np.sort(np.argsort(-sizes, kind="stable")[:_MOST_MAPS])
    return {
        "numbers": numbers.tolist(),
        "values": _encode(np.moveaxis(maps[..., numbers], -1, 0)),
    }


def _read_back(shown: ShownRun, code: np.ndarray) -> str | None:
    """What the linear code holds of the image, less the same of the mean."""
    layer = shown.linear_code
    if layer is None:
        return None
    images = layer.images(np.concatenate([code, shown.baseline["code"]]))
    return _encode(images[0] - images[1])


def _novelty(shown: ShownRun, image: np.ndarray) -> float | None:
    """Share of the validation images that are nearer to the train images."""
    if not shown.known.quantiles.size:
        return None  # a run of an earlier version
    return float(shown.known.novelty(image[None])[0])


def _parse(
    runs: list[ShownRun], request: Mapping[str, Any]
) -> tuple[ShownRun, str]:
    number, text = request.get("run"), request.get("text")
    if type(number) is not int or not 0 <= number < len(runs):
        raise BadRequest(400, f"`run` must be from 0 to {len(runs) - 1}.")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest(400, "Type a text first.")
    if len(text) > LONGEST_TEXT:
        raise BadRequest(
            413,
            f"The text must have at most {LONGEST_TEXT:,} characters. "
            f"Received: {len(text):,}.",
        )
    return runs[number], text


def _encode(values: np.ndarray) -> str:
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()
