"""A learning curve's results to report.md, curve.csv and curve.png."""

import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrecords import files
from trainers.experiments import significance
from trainers.reports import curve_figure, figures, markdown
from trainers.runs.workdir import REPORT_FILE
from trainers.serving import formats

# Size in train texts to method to the results of its draws.
Results = Mapping[int, Mapping[str, Sequence[Mapping[str, Any]]]]

TITLES = {
    "image_route": "image route",
    "random_filters": "image route, random filters",
    "no_slice": "same head on pixels, no slice",
    "from_scratch": "slice and head from scratch",
    "lr_images": "logistic regression on images",
    "lr_stacks": "logistic regression on stacks",
    "tfidf": "TF-IDF, logistic regression",
}
_COMPARED = ("image_route", "lr_stacks")
_FIGURES = ("accuracy", "macro_f1", "top5", "calibration_error", "loss")
_SAMPLES = 2000
_SEED = 0
_CAPTION = {
    "curve.png": "Left: accuracy on the validation texts, mean over the draws "
    "and one standard deviation to each side. Right: the image route less "
    "logistic regression on the stacks, with the 95% interval of the table."
}


def write(
    workdir: pathlib.Path, results: Results, directory: str
) -> pathlib.Path:
    """Writes the report, its table and its figure.

    Args:
        workdir: Directory of the curve.
        results: As `curve.read_results` returns them.
        directory: Name of the results' directory in it.

    Returns:
        The report's path.
    """
    compared = {
        size: compare(*(methods[name] for name in _COMPARED))
        for size, methods in results.items()
        if all(name in methods for name in _COMPARED)
    }
    figure = curve_figure.draw_curve(
        {
            TITLES[method]: {
                size: [draw["accuracy"] for draw in methods[method]]
                for size, methods in results.items()
                if method in methods
            }
            for method in TITLES
        },
        {size: each[:3] for size, each in compared.items()},
    )
    figures.save(figure, workdir / "curve.png")
    files.write_text(workdir / "curve.csv", _csv(results))
    lines = [
        "# Learning curves",
        "",
        f"Results: `{directory}`. Mean ± standard deviation over the draws of "
        "the train texts; the validation texts are always the same.",
        "",
        "## Accuracy",
        "",
        *_table(results, "accuracy"),
        "",
        *_more_tables(results),
        *_comparison(compared),
        *markdown.figures(_CAPTION),
    ]
    path = workdir / REPORT_FILE
    files.write_text(path, markdown.document(lines))
    return path


def compare(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[float, float, float, float, int]:
    """Compares two methods, paired over draws and texts.

    The interval is a bootstrap's that draws the draws and, independently, the
    texts, so that it covers both (Owen 2007, doi:10.1214/07-AOAS122; it is a
    little too wide). With a single draw it covers the texts alone. The test
    is Wilcoxon's of the texts, by the shares of draws that are right.

    Args:
        first: Results of the first method, one per draw.
        second: Results of the second method on the same draws.

    Returns:
        Mean difference of the accuracies, both ends of its 95% interval, the
        p-value, and the number of draws with a difference above 0.
    """
    common = {each["draw"]: each for each in second}
    pairs = [
        (_right(each), _right(common[each["draw"]]))
        for each in first
        if each["draw"] in common
    ]
    right, other = (np.stack(side) for side in zip(*pairs, strict=True))
    differences = (right - other).astype(np.float64)  # (draws, texts)
    draws, texts = differences.shape
    rng = np.random.default_rng(_SEED)
    means = [
        (rng.multinomial(draws, np.full(draws, 1 / draws)) / draws)
        @ differences
        @ (rng.multinomial(texts, np.full(texts, 1 / texts)) / texts)
        for _ in range(_SAMPLES)
    ]
    low, high = np.quantile(means, (0.025, 0.975))
    return (
        float(differences.mean()),
        float(low),
        float(high),
        # Numbers of draws: of their shares, equal differences are not equal
        # in the last bits, and would not share a rank.
        significance.wilcoxon(right.sum(axis=0), other.sum(axis=0)),
        int((differences.mean(axis=1) > 0).sum()),
    )


def _right(result: Mapping[str, Any]) -> np.ndarray:
    """`(N,)` 1 for each validation text that is in the right class."""
    return np.array(list(result["right"]), int)


def _table(results: Results, key: str) -> list[str]:
    methods = [
        name
        for name in TITLES
        if any(name in of_size for of_size in results.values())
    ]
    return markdown.table(
        ("train texts", "draws", *(TITLES[name] for name in methods)),
        [
            (
                f"{size:,}",
                _range({len(draws) for draws in of_size.values()}),
                *(
                    _mean(of_size[name], key) if name in of_size else "-"
                    for name in methods
                ),
            )
            for size, of_size in results.items()
        ],
    )


def _range(counts: set[int]) -> str:
    """`5`; `2 to 5` where methods have been fitted to more draws or fewer."""
    return " to ".join(map(str, sorted({min(counts), max(counts)})))


def _mean(draws: Sequence[Mapping[str, Any]], key: str) -> str:
    return markdown.mean_and_deviation([draw[key] for draw in draws])


def _more_tables(results: Results) -> list[str]:
    """Macro-F1; of more than five classes also top-5 and calibration."""
    keys = {"macro_f1": "Macro-F1"}
    if any(
        draw["top5"] < 1
        for of_size in results.values()
        for draws in of_size.values()
        for draw in draws
    ):
        keys["top5"] = "Top-5 accuracy"
        keys["calibration_error"] = "Expected calibration error"
    return [
        line
        for key, title in keys.items()
        for line in (f"## {title}", "", *_table(results, key), "")
    ]


def _comparison(
    compared: Mapping[int, tuple[float, float, float, float, int]],
) -> list[str]:
    if not compared:
        return []
    return [
        "## The image route against logistic regression on the stacks",
        "",
        "Points of accuracy. Interval: 95%, bootstrap over draws and texts; "
        "with one draw over texts alone. p: Wilcoxon's test, texts paired by "
        "the share of draws that get them right; where nothing differs, one "
        "size in twenty has a p below 0.05.",
        "",
        *markdown.table(
            ("train texts", "difference", "interval", "p", "draws above 0"),
            [
                (
                    f"{size:,}",
                    f"{100 * mean:+.2f}",
                    f"{100 * low:+.2f} to {100 * high:+.2f}",
                    f"{p_value:.2g}",
                    above,
                )
                for size, (mean, low, high, p_value, above) in compared.items()
            ],
        ),
        "",
    ]


def _csv(results: Results) -> str:
    columns = [f"{key}_{part}" for key in _FIGURES for part in ("mean", "sd")]
    lines: list[Sequence[object]] = [
        ("method", "num_train", "draws", *columns, "penalties")
    ]
    for size, methods in results.items():
        for method, draws in methods.items():
            cells = []
            for key in _FIGURES:
                values = [draw[key] for draw in draws]
                cells.append(f"{statistics.fmean(values):.6f}")
                cells.append(
                    f"{statistics.stdev(values):.6f}" if len(values) > 1 else ""
                )
            penalties = " ".join(f"{draw['penalty']:g}" for draw in draws)
            lines.append((method, size, len(draws), *cells, penalties))
    return formats.rows(lines)
