"""A run's directory to report.md and its figures. Draws, never trains."""

import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from absl import logging

from text2image import figure_text
from text2image.deepinsight import pixel_map
from text2image.deepinsight.figures import (
    draw_density,
    draw_map,
)
from tfrecords import files, paths, reader
from trainers import backbones
from trainers.config import TrainConfig
from trainers.reports import (
    class_tables,
    data_section,
    example_images,
    explanation_text,
    figures,
    groups_section,
    markdown,
    mistakes_section,
)
from trainers.reports.confusion_figure import draw_confusion
from trainers.reports.mistakes import Predictions
from trainers.reports.mistakes_section import Mistakes
from trainers.runs.file_list import FileList
from trainers.runs.workdir import EXPLANATIONS_FILE, REPORT_FILE
from trainers.serving import agreement
from trainers.training.metrics import top_k_accuracy

_CONFUSION = "confusion.png"
_TOP = 5
CAPTIONS = {
    "curves.png": "Loss and accuracy by epoch. The train figures are means "
    "over the steps of the epoch, with dropout, while the model learns.",
    "map.png": "Where the projection puts each feature, with the convex hull "
    "and the smallest rectangle around it.",
    "density.png": "How many features share a pixel; the pixel shows their "
    "mean.",
    "examples.png": "Images of texts: as recorded; less the mean train "
    "image, which is what the model tells them by; and, with the linear "
    "autoencoder, the same as it reads it from the feature maps. Red is above "
    "the mean, blue below, grey without a feature; channels are summed.",
    "feature_maps.png": "The slice's feature maps of the first of "
    "these images.",
}


def write_report(
    workdir: pathlib.Path,
    config: TrainConfig,
    metrics: dict[str, Any],
    baselines: dict[str, dict[str, Any]],
    examples: Sequence[str] = (),
    groups: groups_section.GroupTables = groups_section.NO_GROUPS,
) -> pathlib.Path:
    """Writes `report.md` and its figures, unless the same report exists.

    Args:
        workdir: The run's directory.
        config: The run's settings.
        metrics: The contents of metrics.json.
        baselines: What was classified (`stacks`, `images`) to the result of
            `baselines.logistic_regression`.
        examples: Ids of the texts whose images are drawn; by default as
            `example_images.read` chooses them.
        groups: What `--group_key` compares.

    Returns:
        The report's path.
    """
    path = workdir / REPORT_FILE
    records = paths.open_path(config.image_records)
    details = data_section.read_details(records, "image")
    manifest = reader.open_records(records, kind="image")
    texts_at = agreement.text_records(
        records, manifest.provenance.get("cls", "")
    )
    drawn_examples = example_images.read(records, texts_at, examples)
    mistakes = Mistakes.of_run(
        workdir, metrics["label_names"], records, texts_at
    )
    text = compose(
        config,
        metrics,
        baselines,
        details=details,
        mistakes=mistakes,
        has_explanations=(workdir / EXPLANATIONS_FILE).is_file(),
        examples=drawn_examples.ids,
        groups=groups.lines(),
    )
    names = (
        REPORT_FILE,
        *_captions(metrics),
        *mistakes_section.CAPTIONS,
        *mistakes.files,
        *groups.files,
    )
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        faults = FileList.of_run(workdir).faults(names)
        if not faults:
            logging.info("report: reusing %s", path)
            FileList.of_run(workdir).record(names)
            return path
        for name, fault in faults.items():
            logging.warning(
                "%s: %s. The report is made again.", workdir / name, fault
            )
    fitted = pixel_map.PixelMap.load(records)
    drawn = {
        "curves.png": figures.run_curves(metrics),
        "map.png": draw_map(fitted),
        "density.png": draw_density(fitted),
        **mistakes.draw(),
        **example_images.draw(workdir, drawn_examples, metrics["label_names"]),
    }
    if _CONFUSION in _captions(metrics):
        drawn[_CONFUSION] = draw_confusion(
            np.array(metrics["confusion_matrix"]), metrics["label_names"]
        )
    for name, figure in drawn.items():
        figures.save(figure, workdir / name)
    mistakes.write_lists(workdir)
    groups.write(workdir)
    files.write_text(path, text)
    FileList.of_run(workdir).record(names)
    return path


def _captions(metrics: Mapping[str, Any]) -> dict[str, str]:
    """File name to caption; few classes have a table for a confusion figure."""
    names = metrics["label_names"]
    captions = dict(CAPTIONS)
    if "validations" in metrics:
        captions["curves.png"] += " Right: accuracy at every validation."
    if len(names) <= class_tables.MOST_IN_MATRIX:
        return captions
    caption = (
        "Confusion on the validation texts, as shares of the true class, with "
        "numbers of texts; classes that are confused are neighbours."
        f"{figure_text.note_on_numbers(names)}"
    )
    return {_CONFUSION: caption, **captions}


def compose(
    config: TrainConfig,
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    *,
    details: Mapping[str, Any] = MappingProxyType({}),
    mistakes: Mistakes,
    has_explanations: bool = False,
    examples: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> str:
    """Composes the report's Markdown; arguments as `write_report`.

    `details` are those of the records' manifest, as far as it exists.
    `has_explanations` adds the line that `explanation_report` adds;
    `examples` are the ids of the texts in `examples.png`, `groups` the lines
    of the section of groups.
    """
    captions = {**mistakes_section.CAPTIONS, **_captions(metrics)}
    if examples:
        ids = ", ".join(map(markdown.plain, examples))
        caption = captions["examples.png"].replace("texts", ids, 1)
        captions["examples.png"] = caption
    lines = [
        f"# {backbones.get_backbone(config.backbone).title} on texts as images",
        "",
        f"Records: `{config.image_records}` "
        f"(fingerprint {metrics['image_fingerprint']}), "
        f"{metrics['num_train']} train and "
        f"{markdown.count(metrics['num_validation'], 'validation text')}.",
        "",
        *data_section.data_section(details),
        _about(config, metrics),
        "",
        *_accuracy_table(metrics, baselines),
        "",
        f"Macro-F1 {metrics['macro_f1']:.4f}, {_top5(mistakes.predictions)}"
        f"loss {metrics['loss']:.4f}, expected calibration error "
        f"{metrics['calibration_error']:.4f}.",
        "",
        *class_tables.confusion_section(
            metrics["confusion_matrix"], metrics["label_names"]
        ),
        *mistakes.lines(),
        *groups,
        *markdown.figures(captions),
        *(("", explanation_text.LINK) if has_explanations else ()),
    ]
    return markdown.document(lines)


def _top5(predictions: Predictions) -> str:
    """Top-5 accuracy, with a comma; empty of up to five classes."""
    if len(predictions.label_names) <= _TOP:
        return ""
    share = top_k_accuracy(predictions.probabilities, predictions.labels, _TOP)
    return f"top-5 accuracy {share:.4f}, "


def _about(config: TrainConfig, metrics: Mapping[str, Any]) -> str:
    """One paragraph: the slice, what is trained, for how long."""
    shape = " x ".join(map(str, metrics["feature_maps"]))
    rates = " and ".join(
        f"{rate:g} ({part})" for part, rate in metrics["learning_rates"].items()
    )
    variance = ""
    if metrics["picture_kept"] is not None:
        variance = (
            f" A linear readout of them keeps {metrics['picture_kept']:.1%} "
            "of the variance of the validation images."
        )
    kind = "Trained" if config.trainable_slice else "Frozen"
    return (
        f"{kind} slice: {shape} feature maps, weights `{config.weights}`."
        f"{variance} Trained: {metrics['trainable_parameters']:,} parameters, "
        f"{markdown.count(len(metrics['epochs']), 'epoch')}, Adam at {rates}."
        f"{_start(metrics.get('start'))}"
    )


def _start(start: Mapping[str, Any] | None) -> str:
    if start is None:
        return ""
    classes = "its classes are the same"
    if not start["has_same_classes"]:
        classes = "as its classes are others, the layers of the classes anew"
    return (
        f" Started from the trained half of the run `{start['run']}` (sha256 "
        f"{start['sha256']}), on images of its map; {classes}."
    )


def _accuracy_table(
    metrics: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    rows = [
        ("**this model, last epoch**", f"**{metrics['accuracy']:.4f}**"),
        (
            "this model, cumulative as the published code prints it (mean of "
            f"{markdown.count(metrics['num_validations'], 'validation')})",
            f"{metrics['cumulative_accuracy']:.4f}",
        ),
    ]
    rows += [
        (
            f"logistic regression on the same {name}",
            f"{baseline['accuracy']:.4f}",
        )
        for name, baseline in sorted(baselines.items(), reverse=True)
    ]
    return markdown.table(("on the validation texts", "accuracy"), rows)
