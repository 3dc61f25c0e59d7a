"""Writes report.md, figures, CSV files and results.json of a comparison."""

import pathlib
from collections.abc import Mapping, Sequence

import matplotlib.figure
import numpy as np

from tfrecords import files
from trainers import backbones
from trainers.reports import figures as report_figures
from trainers.reports import markdown
from trainers.runs.workdir import REPORT_FILE
from trainers.serving import formats
from trainers.shift import figures, similarities, tables
from trainers.shift.comparison import Row
from trainers.shift.measuring import PIXELS, TEXT, Results
from trainers.shift.options import FITTED, ShiftOptions
from trainers.shift.samples import NATURAL, OTHERS, Samples

RESULTS_FILE = "results.json"
_CAPTIONS = {
    "domains.png": "A natural image and a text as an image, with the pixels "
    "of their domains: as they are, and each image scaled to mean 0 and "
    "deviation 1 (the paper's Fig. 5 and Fig. 6).",
    "mmd.png": "MMD² from natural images at three stages of every slice; "
    "dashed, other images of the natural ones.",
    "cka.png": "Debiased linear CKA between the feature maps of every two "
    "slices, and with the images themselves (pixels).",
}


def write(
    workdir: pathlib.Path,
    options: ShiftOptions,
    samples: Samples,
    results: Results,
) -> pathlib.Path:
    """Writes everything that a comparison shows; returns the report's path.

    Args:
        workdir: Directory of the comparison.
        options: Settings.
        samples: Images.
        results: What was measured.
    """
    all_tables = {**results.tables, "cka": similarities.rows(results.grams)}
    drawn = {
        "domains.png": _draw_domains(samples),
        "mmd.png": figures.draw_discrepancies(
            options, results.tables["shifts"]
        ),
        "cka.png": figures.draw_similarities(
            {
                f"{domain} images": similarities.matrix(grams, is_debiased=True)
                for domain, grams in results.grams.items()
            }
        ),
    }
    for name, figure in drawn.items():
        report_figures.save(figure, workdir / name)
    for name, rows in all_tables.items():
        lines = formats.rows(tables.tidy(rows))
        files.write_text(workdir / f"{name}.csv", lines)
    files.write_json(workdir / RESULTS_FILE, all_tables)
    path = workdir / REPORT_FILE
    files.write_text(path, compose(options, samples, all_tables))
    return path


def _draw_domains(samples: Samples) -> matplotlib.figure.Figure:
    texts = samples.texts.images[FITTED]
    height, width = texts.shape[1:3]
    natural = next(
        samples.natural[: len(texts)].batches(height, width, len(texts))
    )
    return figures.draw_domains(
        {
            f"natural: {samples.natural.name}": (natural[0], natural),
            f"text {samples.texts.ids[0]}": (texts[0], texts),
        }
    )


def compose(
    options: ShiftOptions,
    samples: Samples,
    results: Mapping[str, Sequence[Row]],
) -> str:
    """Composes the report's Markdown; `results` are the tables by name."""
    norms = results["batch_norms"]
    return markdown.document(
        [
            "# Text images and natural images in the frozen slices",
            "",
            _about(options, samples),
            "",
            *markdown.figures({"domains.png": _CAPTIONS["domains.png"]}),
            "",
            "## How far apart",
            "",
            "MMD² of the mean and deviation of every channel per image, each "
            "in deviations of both samples, by a Gaussian kernel as wide as "
            "the median distance; unbiased, so that 0 is what chance "
            f"gives. ° : p above 0.05 by {options.permutations:,} "
            "permutations; all others are told apart from the natural images, "
            "as one in twenty is by chance.",
            "",
            *tables.by_stage(options, results["shifts"]),
            *markdown.figures({"mmd.png": _CAPTIONS["mmd.png"]}),
            "",
            _tally(options, results["shifts"]),
            "",
            "## Statistics of the channels",
            "",
            "Of the median channel, the distance of its mean from that of "
            "natural images, in deviations of these, and the factor between "
            "the two deviations; median of the stages.",
            "",
            *tables.distances(options, results["shifts"], OTHERS),
            "",
            *_batch_norms(options, norms),
            "## Rectifiers",
            "",
            "Share of zeros in what the rectifiers give, every channel "
            "counted the same, and share of channels that are 0 everywhere on "
            "all images of the sample.",
            "",
            *tables.rectifiers(options, results["rectifiers"]),
            "",
            "## Are feature maps repeated?",
            "",
            "Effective rank (Roy and Vetterli 2007) of the standardised maps "
            "that vary, their mean absolute correlation, and the share of "
            "them with a twin (absolute correlation of 0.95 or more).",
            "",
            *tables.repeated_maps(options, results["maps"]),
            "",
            "## Are the slices alike?",
            "",
            *markdown.figures({"cka.png": _CAPTIONS["cka.png"]}),
            "",
            _mean_similarities(results["cka"]),
            "",
            *tables.similarities((NATURAL, TEXT), results["cka"]),
            "",
            "Every number: `shifts.csv`, `batch_norms.csv`, `rectifiers.csv`, "
            f"`maps.csv`, `cka.csv`, and all of them in `{RESULTS_FILE}`.",
        ]
    )


def _about(options: ShiftOptions, samples: Samples) -> str:
    height, width = samples.texts.images[FITTED].shape[1:3]
    slices = ", ".join(
        f"{backbones.get_backbone(name).title} (`{weights}`; natural images: "
        f"{options.natural_of(name, options.shown)})"
        for name, weights in options.weights_of.items()
    )
    sigma = ""
    if "smoothed" in options.all_variants:
        sigma = f", smoothed by a Gaussian of {options.sigma:g} pixels"
    return (
        f"{options.sample} train texts of `{samples.texts.name}` as images of "
        f"{height} x {width}{sigma}, and {options.sample} natural images of "
        f"{markdown.plain(samples.natural.name)}; "
        f"as many others of these show what is chance. Natural images are "
        "cut to the ratio of the text images and resized to what the slice "
        "sees of them. Slices, with their weights and the normalisation of "
        f"the natural images: {slices}. `dataset`: by the mean and deviation "
        "of the sample."
    )


def _tally(options: ShiftOptions, rows: Sequence[Row]) -> str:
    """In how many places normalisation brings text images nearer."""
    mmd2 = {
        (row["backbone"], row["layer"], row["normalization"]): row["mmd2"]
        for row in rows
        if row["images"] == FITTED
    }
    places = dict.fromkeys((name, layer) for name, layer, _ in mmd2)
    if "none" not in options.normalizations:
        return ""
    return " ".join(
        f"`--normalization={mode}` brings text images nearer at "
        f"{sum(mmd2[*place, mode] < mmd2[*place, 'none'] for place in places)}"
        f" of {len(places)} stages."
        for mode in options.normalizations
        if mode != "none"
    )


def _batch_norms(options: ShiftOptions, rows: Sequence[Row]) -> list[str]:
    if not rows:
        return [
            "None of the slices has batch norm with statistics of its "
            "training.",
            "",
        ]
    return [
        "The same from the moving mean and deviation that each batch norm "
        "keeps of its training; slices without them, or with batch norm "
        "folded into the kernels, are left out.",
        "",
        *tables.distances(options, rows, NATURAL),
        "",
    ]


def _mean_similarities(rows: Sequence[Row]) -> str:
    """Mean debiased CKA of slices with each other and with the pixels."""
    sentences = []
    for domain in (NATURAL, TEXT):
        of_domain = [row for row in rows if row["images"] == domain]
        groups: dict[bool, list[float]] = {True: [], False: []}
        for row in of_domain:
            is_pixels = PIXELS in (row["first"], row["second"])
            groups[is_pixels].append(float(row["debiased_cka"]))
        pixels = f"{np.mean(groups[True]):.3f} with the pixels"
        others = ""
        if groups[False]:
            others = f"{np.mean(groups[False]):.3f} between two slices and "
        sentences.append(
            f"On {domain} images the mean debiased CKA is {others}{pixels}."
        )
    return " ".join(sentences)
