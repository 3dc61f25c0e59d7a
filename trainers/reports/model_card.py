"""A card of a run: what the model is for, what was measured, what is not known.

Source: Mitchell et al. 2019, arXiv 1810.03993, the sections that apply.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrecords import files
from trainers import backbones
from trainers.config import TrainConfig
from trainers.reports import data_section, markdown
from trainers.runs.file_list import FileList
from trainers.runs.provenance import Origin

FILE = "card.md"
_MOST_CLASSES = 20


def write(
    workdir: pathlib.Path, config: TrainConfig, metrics: Mapping[str, Any]
) -> pathlib.Path:
    """Writes `card.md` of a finished run, unless it is the same; lists it.

    Args:
        workdir: Directory of the run.
        config: Its settings.
        metrics: Contents of its metrics.json.

    Returns:
        The card's path.
    """
    path = workdir / FILE
    text = compose(config, metrics, Origin.load(workdir))
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        files.write_text(path, text)
    FileList.of_run(workdir).record((FILE,))
    return path


def compose(
    config: TrainConfig, metrics: Mapping[str, Any], origin: Origin
) -> str:
    """Returns the card as Markdown; the same run gives the same bytes."""
    names = [markdown.plain(name, 60) for name in metrics["label_names"]]
    backbone = backbones.get_backbone(config.backbone)
    stacks = origin.stacks or {}
    corpus = pathlib.PurePath(str(stacks.get("corpus", "not recorded"))).name
    return markdown.document(
        [
            f"# Text classifier: {backbone.title} on DeepInsight images",
            "",
            "## Model",
            "",
            *_encoder(origin.encoder),
            f"- Images: {origin.image_shape}, fingerprint {origin.fingerprint}",
            f"- {'Trained' if config.trainable_slice else 'Frozen'} slice: "
            f"{config.backbone}, weights "
            f"`{pathlib.PurePath(config.weights).name}`; "
            f"{config.autoencoder} autoencoder, dense head; "
            f"{metrics['trainable_parameters']:,} trained parameters",
            f"- Classes: {_listed(names)}",
            "",
            "## Intended use",
            "",
            "To label texts like those it was trained on, and to compare "
            "methods. Not to decide about people without a person who looks.",
            "",
            "## Data",
            "",
            f"- Corpus: `{markdown.plain(corpus, 100)}`, sha256 "
            f"{stacks.get('corpus_sha256', 'not recorded')}",
            f"- {metrics['num_train']:,} train and "
            f"{metrics['num_validation']:,} validation texts",
            "- Licences of corpus, encoder and slice weights: not known here",
            "",
            "## Measured",
            "",
            *_figures(metrics),
            "",
            *_by_class(names, np.array(metrics["confusion_matrix"])),
            "",
            "Of the last epoch, on texts that no step has seen; settings were "
            "perhaps chosen on them. `report.md` has more.",
            "",
            "## Limits",
            "",
            *_limits(origin),
            "- Every text gets a class, also one about something else. "
            "`novelty` says how unlike the train texts it is.",
            "- Whether it treats groups of people alike was not measured.",
        ]
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_CLASSES
    shown = ", ".join(names[:_MOST_CLASSES])
    return f"{shown}{f' and {more} more' if more > 0 else ''}"


def _encoder(encoder: Mapping[str, Any] | None) -> list[str]:
    if encoder is None:
        return ["- Encoder: none; images of other vectors"]
    name = pathlib.PurePath(encoder["source"]).name
    # Records of earlier versions do not say: there was no choice.
    pooling = encoder.get("pooling", "cls")
    rows = (
        "first and last layer"
        if pooling == "first_last"
        else f"layers {encoder['layers']}"
    )
    notes = [data_section.tuning(encoder), rows]
    notes += [f"pooling {pooling}"] * (pooling != "cls")
    notes += [f"sha256 {encoder['sha256']}"]
    return [f"- Encoder: `{name}`, {', '.join(note for note in notes if note)}"]


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    accuracy, count = metrics["accuracy"], metrics["num_validation"]
    error = math.sqrt(accuracy * (1 - accuracy) / count)
    return [
        f"- Accuracy {accuracy:.4f}, standard error {error:.3f}",
        f"- Macro F1 {metrics['macro_f1']:.4f}, expected calibration error "
        f"{metrics['calibration_error']:.4f}",
    ]


def _by_class(names: list[str], confusion: np.ndarray) -> list[str]:
    """Precision and recall of each class, unless there are too many."""
    if len(names) > _MOST_CLASSES:
        return []
    right = np.diag(confusion)
    shares = (
        np.divide(right, total, where=total > 0, out=np.zeros(len(names)))
        for total in (confusion.sum(axis=0), confusion.sum(axis=1))
    )
    counts = confusion.sum(axis=1).tolist()
    rows = zip(names, *shares, counts, strict=True)
    return markdown.table(
        ("class", "precision", "recall", "texts"),
        [(n, f"{p:.4f}", f"{r:.4f}", count) for n, p, r, count in rows],
    )


# By `options.LONG_TEXTS`.
_LONG_TEXTS = {
    "cut": "Texts are cut after {} tokens.",
    "head_tail": "Of texts longer than {} tokens the middle is left out.",
    "windows": "Texts longer than {} tokens are read in windows, and the "
    "windows' vectors are averaged.",
}

_CLEANED = {
    "none": (),
    "html": ("- Of markup, it reads entities and no tags.",),
    "basic": ("- It reads no tags, no URLs and no capital letters.",),
}


def _limits(origin: Origin) -> list[str]:
    if origin.encoder is None:
        return []
    kind = origin.encoder.get("long_texts", "cut")
    clean = origin.encoder.get("clean", "none")
    return [
        f"- {_LONG_TEXTS[kind].format(origin.encoder['max_tokens'])}",
        *_CLEANED[clean],
        "- It reads the languages that the encoder's vocabulary has.",
    ]
