"""Finished runs to report.md: the paper's Table 2, robustness, figures."""

import pathlib
from collections.abc import Mapping, Sequence

from tfrecords import files, reader
from trainers.multimodal import baselines, comparisons, figures
from trainers.multimodal.comparisons import Result
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.plan import Row
from trainers.reports import markdown
from trainers.runs.workdir import REPORT_FILE

# Top-1 and top-5 in percent on WebVision, the paper's Table 2, which fills no
# other entries. USE is its sentence encoder.
PUBLISHED = {
    ("resnet50v2", "image"): ("ResNet50V2", 46.60, 70.56),
    ("inceptionv3", "image"): ("InceptionV3", 44.50, 67.38),
    ("mobilenetv2", "image"): ("MobileNetV2", 44.39, 68.22),
    ("", "title,description"): ("DNN-USE", 50.30, 66.21),
    ("resnet50v2", "image,title,description"): (
        "ResNet50V2-USE",
        53.58,
        71.78,
    ),
    ("mobilenetv2", "image,title,description"): (
        "MobileNetV2-USE",
        50.64,
        70.17,
    ),
}
_ABOUT_RESULTS = (
    "The published figures are of WebVision, with 5,000 classes and other "
    "data: they show which entries the paper's table has and are not "
    "comparable with ours. Its entries of single texts, of one text with the "
    "image, and of BERT are empty. McNemar's exact test compares each fusion "
    "with the best of its single modalities on the same samples (difference "
    "in points of top-1, then p, seed by seed)."
)


def write_report(
    workdir: pathlib.Path,
    rows: Sequence[Row],
    config: MultimodalTrainConfig,
) -> pathlib.Path:
    """Writes `report.md` and its figures.

    Args:
        workdir: The table's directory, which holds its finished trainings.
        rows: Rows of the table.
        config: Settings of all trainings.

    Returns:
        The report's path.
    """
    records = pathlib.Path(config.records)
    manifest = reader.open_records(records, kind="multimodal")
    results = comparisons.read_results(workdir, rows)
    fused = _best_fusion(results)
    captions = {} if fused is None else _draw(workdir, fused, results)
    text = compose(
        results,
        config,
        name=records.parent.name,
        num_classes=len(manifest.schema.label_names),
        compared=baselines.baselines(records),
        missing=manifest.details["missing"],
        captions=captions,
    )
    path = workdir / REPORT_FILE
    files.write_text(path, text)
    return path


def compose(
    results: Sequence[Result],
    config: MultimodalTrainConfig,
    *,
    name: str,
    num_classes: int,
    compared: Mapping[str, Mapping[str, float]],
    missing: Mapping[str, Mapping[str, int]],
    captions: Mapping[str, str],
) -> str:
    """Composes the report's Markdown.

    Args:
        results: Rows of the table with their results.
        config: Settings of all trainings.
        name: Name of the records.
        num_classes: K.
        compared: Baseline to its figures.
        missing: Source to counts of `samples`, missing `title` and missing
            `description`.
        captions: Figure to caption.
    """
    first = results[0].metrics[0]
    return markdown.document(
        [
            "# Images with titles and descriptions",
            "",
            f"Records `{name}`: {first['num_train']} train and "
            f"{first['num_held_out']} {first['split']} samples of "
            f"{num_classes} classes. Weights "
            f"`{pathlib.PurePath(config.weights).name}`, images of "
            f"{config.image_size} pixels, {config.epochs} epochs, "
            f"{len(results[0].metrics)} seed(s).",
            "",
            *_results(results),
            "",
            *_baselines(compared),
            "",
            *_robustness(results),
            "",
            *_missing(missing),
            *markdown.figures(captions),
        ]
    )


def _best_fusion(results: Sequence[Result]) -> Result | None:
    """The best fusion of an image, trained without modality dropout."""
    fusions = [
        result
        for result in results
        if result.row.is_fusion
        and "image" in result.row.modalities
        and not result.row.modality_dropout
    ]
    return max(fusions, key=lambda result: result.accuracy, default=None)


def _draw(
    workdir: pathlib.Path, fused: Result, results: Sequence[Result]
) -> dict[str, str]:
    """Figures of the first seed; file name to caption."""
    singles = comparisons.singles_of(fused, results)
    return figures.draw(
        workdir,
        fused.row.trainings[0].path(workdir),
        [single.row.trainings[0].path(workdir) for single in singles],
    )


def _percent(values: Sequence[float]) -> str:
    return markdown.mean_and_deviation(values, scale=100)


def _results(results: Sequence[Result]) -> list[str]:
    """The paper's Table 2, ours beside it, each against the best single."""
    plain = [result for result in results if not result.row.modality_dropout]
    table, explanations = [], []
    for result in plain:
        row = result.row
        comparison = comparisons.compare(result, plain)
        if comparison is not None and not comparison.wins:
            explanations.append(comparisons.explain(result, comparison))
        published = PUBLISHED.get((row.backbone, ",".join(row.modalities)))
        table.append(
            (
                row.backbone or "-",
                ", ".join(row.modalities),
                _percent(result.values("accuracy")),
                _percent(result.values("top5")),
                comparison or "-",
                "{}: {:.2f} / {:.2f}".format(*published) if published else "-",
            )
        )
    lines = [
        _ABOUT_RESULTS,
        "",
        *markdown.table(
            (
                "image tower",
                "modalities",
                "top-1",
                "top-5",
                "against the best single",
                "published: top-1 / top-5",
            ),
            table,
        ),
    ]
    if explanations:
        lines += ["", "Fusions that do not beat their best modality:", ""]
    return lines + [f"- {explanation}" for explanation in explanations]


def _baselines(compared: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        "Baselines on the same split (logistic regression):",
        "",
        *markdown.table(
            ("on", "top-1", "top-5"),
            [
                (
                    name.replace("pictures", "images"),  # the file's word
                    _percent([figures["accuracy"]]),
                    _percent([figures["top5"]]),
                )
                for name, figures in compared.items()
            ],
        ),
    ]


def _robustness(results: Sequence[Result]) -> list[str]:
    """Top-1 with each modality removed at test time (5.1)."""
    most = max(len(result.row.modalities) for result in results)
    complete = [r for r in results if len(r.row.modalities) == most > 1]
    if not complete:
        return []
    names = complete[0].row.modalities
    return [
        "Top-1 when a modality is missing from every test sample:",
        "",
        *markdown.table(
            (
                "image tower",
                "modality dropout",
                "none missing",
                *(f"no {name}" for name in names),
            ),
            [
                (
                    result.row.backbone or "-",
                    f"{result.row.modality_dropout:g}",
                    _percent(result.values("accuracy")),
                    *(
                        _percent(
                            [
                                metrics["removed"][name]["accuracy"]
                                for metrics in result.metrics
                            ]
                        )
                        for name in names
                    ),
                )
                for result in complete
            ],
        ),
    ]


def _missing(missing: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The paper's Table 1."""
    return markdown.table(
        ("source", "attribute", "missing", "share"),
        [
            (
                source,
                name,
                f"{counts[name]:,}",
                f"{100 * counts[name] / counts['samples']:.1f}%",
            )
            for source, counts in missing.items()
            for name in ("description", "title")
        ],
    )
