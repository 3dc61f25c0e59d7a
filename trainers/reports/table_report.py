"""A table's trainings to report.md and report.html. Reads, never trains."""

import base64
import json
import pathlib
import re
import shutil
from collections.abc import Mapping
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from tfrecords import files
from trainers import backbones
from trainers.config import TrainConfig
from trainers.experiments import baselines
from trainers.experiments import plan as cells
from trainers.reports import run_report, table_sections
from trainers.runs import workdir as run_files

_PICTURES = ("map.png", "density.png", "examples.png", "feature_maps.png")


def write_table(
    workdir: pathlib.Path,
    plan: list[cells.Cell],
    failures: Mapping[str, str],
    *,
    on_maps: Mapping[str, dict[str, Any]],
    cls_dir: pathlib.Path,
    image_dir: pathlib.Path,
) -> pathlib.Path:
    """Writes both reports and their pictures.

    Args:
        workdir: The table's directory; trainings are in `cells`.
        plan: What was to be trained.
        failures: Cell directory, or `maps of` a backbone, to why it could
            not be had.
        on_maps: Backbone to the regression on its frozen maps.
        cls_dir: The base's `cls` records.
        image_dir: The base's `image` records.

    Returns:
        Path of report.md.
    """
    labels = baselines.labels_of(cls_dir)
    compared = {
        "majority": baselines.majority(labels),
        "TF-IDF": baselines.tfidf(cls_dir),
        "stacks": baselines.logistic_regression(cls_dir, "stack"),
        "pictures": baselines.logistic_regression(image_dir, "image"),
        **{f"maps of {name}": found for name, found in on_maps.items()},
    }
    rows = _rows(workdir, plan, failures, labels["validation"])
    right = {
        name: np.array(found["predictions"]) == labels["validation"]
        for name, found in compared.items()
    }
    lines = [
        "# Text as pictures: every backbone on the same texts",
        "",
        f"{len(labels['train']):,} train and {len(labels['validation']):,} "
        f"validation texts, the same for every row. Records: `{image_dir}`.",
        "",
        *table_sections.table_one(rows.get("backbones", []), compared, right),
        *table_sections.baseline_table(compared),
        *table_sections.ablation_tables(
            {group: found for group, found in rows.items() if found}
        ),
        *_failure_lines(plan, failures),
    ]
    finished = [row for row in rows.get("backbones", []) if row["cells"]]
    if finished:
        _save(workdir, "curves.png", _draw_curves(finished))
        _copy_pictures(workdir, finished[0]["cells"][0])
        captions = {
            "curves.png": "Validation accuracy against epochs, mean over "
            "seeds (the paper's Fig. 9).",
            **{name: run_report.CAPTIONS[name] for name in _PICTURES},
        }
        for name, caption in captions.items():
            lines += ["", f"![{name}]({name})", "", caption]
    text = "\n".join(lines) + "\n"
    path = workdir / run_files.REPORT_FILE
    files.write_text(path, text)
    files.write_text(workdir / "report.html", _html(text, workdir))
    return path


def _rows(
    workdir: pathlib.Path,
    plan: list[cells.Cell],
    failures: Mapping[str, str],
    labels: np.ndarray,
) -> dict[str, list[table_sections.Row]]:
    """Group to rows: their finished cells, metrics and answers by seed."""
    groups: dict[str, dict[str, table_sections.Row]] = {}
    for cell in plan:
        rows = groups.setdefault(cell.group, {})
        row = rows.setdefault(
            cell.row,
            {"name": cell.row, "cells": [], "metrics": [], "right": []},
        )
        directory = workdir / "cells" / cell.directory
        # What stands may be of other records: then it failed.
        if cell.directory in failures or not directory.is_dir():
            continue
        row["cells"].append((cell, directory))
        row["metrics"].append(run_files.read_metrics(directory))
        row["right"].append(_right(directory, len(labels)))
    return {group: list(rows.values()) for group, rows in groups.items()}


def _right(directory: pathlib.Path, count: int) -> np.ndarray:
    """`(count,)` bool: which validation texts a training gets right."""
    answers = run_files.read_predictions(directory).values()
    if len(answers) != count:
        raise ValueError(
            f"{directory}/predictions.csv must answer the {count} validation "
            f"texts. Received: {len(answers)} lines. Delete the directory and "
            "run again."
        )
    return np.array([label == said for label, said in answers])


def _failure_lines(
    plan: list[cells.Cell], failures: Mapping[str, str]
) -> list[str]:
    lines = []
    for cell in {cell.directory: cell for cell in plan}.values():
        if cell.directory in failures:
            reason = failures[cell.directory].replace("\n", " ")
            lines.append(
                f"- {cell.group}, {cell.row}, seed {cell.train.seed}: {reason}"
            )
    lines += [
        f"- logistic regression on the {name}: {reason}"
        for name, reason in failures.items()
        if name.startswith("maps of ")
    ]
    return ["## Failed", "", *lines, ""] if lines else []


def _draw_curves(rows: list[table_sections.Row]) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        curves = [
            [epoch["accuracy"] for epoch in metrics["epochs"]]
            for metrics in row["metrics"]
        ]
        mean = np.mean(curves, axis=0)
        (line,) = axes.plot(
            range(1, len(mean) + 1),
            mean,
            "o-",
            ms=3,
            label=backbones.get_backbone(row["name"]).title,
        )
        for curve in curves if len(curves) > 1 else ():
            axes.plot(
                range(1, len(curve) + 1), curve, color=line.get_color(), lw=0.4
            )
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation accuracy")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _copy_pictures(
    workdir: pathlib.Path, first: tuple[cells.Cell, pathlib.Path]
) -> None:
    """The map, examples and feature maps of the first training."""
    _, directory = first
    claim = json.loads((directory / run_files.CONFIG_FILE).read_text("utf-8"))
    config = TrainConfig.loads(json.dumps(claim["config"]))
    metrics = run_files.read_metrics(directory)
    run_report.write_report(directory, config, metrics, {})
    for name in _PICTURES:
        shutil.copyfile(directory / name, workdir / name)


def _save(
    workdir: pathlib.Path, name: str, figure: matplotlib.figure.Figure
) -> None:
    aside = workdir / f"{name}.writing"
    figure.savefig(aside, format="png", dpi=120)
    aside.replace(workdir / name)


def _html(text: str, workdir: pathlib.Path) -> str:
    """One file with the pictures in it."""
    import markdown

    body = markdown.markdown(text, extensions=["tables"])

    def embed(match: re.Match[str]) -> str:
        data = base64.b64encode((workdir / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="([^"]+\.png)"', embed, body)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        "<title>Text as pictures</title>\n<style>body{font:16px/1.5 "
        "sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{"
        "border-collapse:collapse;display:block;overflow-x:auto}td,th{border:"
        "1px solid #ccc;padding:.25rem .5rem}img{max-width:100%}</style>\n"
        f"{body}\n</html>\n"
    )
