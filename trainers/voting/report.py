"""The report of a vote: its runs beside it, and their maps."""

import pathlib
from collections.abc import Mapping
from typing import Any

from text2image.deepinsight.figures import draw_maps
from text2image.deepinsight.pixel_map import PixelMap
from tfrecords import files
from trainers import backbones
from trainers.reports import class_tables, figures, markdown
from trainers.runs import json_files, votes
from trainers.runs.file_list import FileList
from trainers.runs.provenance import MAP_FILE
from trainers.runs.workdir import CONFIG_FILE, REPORT_FILE

_MAPS_FIGURE = "maps.png"
_CAPTION = (
    "Where each map puts the features; the colour of a feature is its layer."
)


def write(workdir: pathlib.Path, metrics: Mapping[str, Any]) -> pathlib.Path:
    """Writes report.md and the figure of the maps.

    Args:
        workdir: Directory of the vote.
        metrics: Contents of its metrics.json.
    """
    claim = json_files.read(
        workdir / CONFIG_FILE, ("config",), cure="Restore it."
    )
    path = workdir / REPORT_FILE
    files.write_text(path, compose(claim["config"][votes.MEMBERS], metrics))
    maps = {
        directory.name: PixelMap.load(directory)
        for directory in votes.member_directories(workdir)
        if (directory / MAP_FILE).is_file()
    }
    figures.save(draw_maps(maps), workdir / _MAPS_FIGURE)
    FileList.of_run(workdir).record((REPORT_FILE, _MAPS_FIGURE))
    return path


def compose(
    settings: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Any]
) -> str:
    """Composes the report's Markdown.

    Args:
        settings: Name of a run to the settings in which the runs may differ.
        metrics: Contents of the vote's metrics.json.
    """
    title = backbones.get_backbone(metrics["backbone"]).title
    members = metrics[votes.MEMBERS]
    rows = [
        ("**vote, mean probability**", "", "", *_figures(metrics)),
        *(
            (
                f"[{each['name']}]({each['name']}/report.md)",
                _describe(settings[each["name"]]),
                settings[each["name"]]["seed"],
                *_figures(each),
            )
            for each in members
        ),
    ]
    return markdown.document(
        [
            f"# {title} on {len(members)} maps of the same texts",
            "",
            f"{metrics['num_train']} train and "
            f"{markdown.count(metrics['num_validation'], 'validation text')}. "
            "Each run is a whole one: predict and explain take its directory.",
            "",
            *markdown.table(
                ("on the validation texts", "map", "seed", *_HEADER), rows
            ),
            "",
            f"All runs agree on {metrics['all_agree']:.1%} of the texts. "
            f"{_compare(metrics['against_first'], 'the first map')} "
            f"{_compare(metrics['against_best'], 'the best run')} Which run "
            "is best is seen on the same texts, so that its figure is a "
            "little too good.",
            "",
            *class_tables.confusion_section(
                metrics["confusion_matrix"], metrics["label_names"]
            ),
            *markdown.figures({_MAPS_FIGURE: _CAPTION}),
        ]
    )


_HEADER = ("accuracy", "macro-F1", "loss", "calibration error")


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    names = ("accuracy", "macro_f1", "loss", "calibration_error")
    return [f"{metrics[name]:.4f}" for name in names]


def _describe(settings: Mapping[str, Any]) -> str:
    """Projection with what tells it from others of its kind."""
    projection = settings["projection"]
    parts = [projection]
    if projection == "tsne":
        parts += [
            f"perplexity {settings['perplexity']:g}",
            f"start {settings['tsne_init']}",
        ]
    return ", ".join([*parts, f"map seed {settings['map_seed']}"])


def _compare(test: Mapping[str, Any], other: str) -> str:
    return (
        f"Against {other} alone: {test['only_first']} texts right by the vote "
        f"only, {test['only_second']} by that run only (McNemar's exact p = "
        f"{test['p_value']:.2g})."
    )
