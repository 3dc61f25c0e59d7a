"""The sections of the multimodal report, as lines of Markdown."""

from collections.abc import Mapping, Sequence

from trainers.multimodal import comparisons
from trainers.multimodal.comparisons import Result
from trainers.reports import markdown

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


def _percent(values: Sequence[float]) -> str:
    return markdown.mean_and_deviation(values, scale=100)


def results_section(results: Sequence[Result]) -> list[str]:
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


def baselines_section(
    compared: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """Top-1 and top-5 of what a user would try first."""
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


def robustness_section(results: Sequence[Result]) -> list[str]:
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


def missing_section(missing: Mapping[str, Mapping[str, int]]) -> list[str]:
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
            for name in sorted(counts.keys() - {"samples"})
        ],
    )
