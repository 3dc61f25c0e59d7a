"""Finished runs to report.md: the paper's Table 2, robustness, pictures."""

import pathlib
import typing

from tfrecords import files, reader
from trainers.multimodal import baselines, comparisons
from trainers.multimodal import figures as pictures
from trainers.runs import workdir as run_files

if typing.TYPE_CHECKING:
    from trainers.multimodal.config import MultimodalTrainConfig
    from trainers.multimodal.plan import Cell

# Top-1 and top-5 in percent on WebVision, the paper's Table 2; its other
# cells are empty. USE is its sentence encoder.
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


def write_report(
    workdir: pathlib.Path,
    cells: "list[Cell]",
    config: "MultimodalTrainConfig",
) -> pathlib.Path:
    """Writes `report.md` and its pictures; returns its path."""
    records = pathlib.Path(config.records)
    manifest = reader.open_records(records, kind="multimodal")
    metrics = {
        cell.name: [
            run_files.read_metrics(
                comparisons.directory(workdir, cell, run.seed)
            )
            for run in cell.runs
        ]
        for cell in cells
    }
    first = next(iter(metrics.values()))[0]
    lines = [
        "# Pictures with titles and descriptions",
        "",
        f"Records `{records.parent.name}`: {first['num_train']} train and "
        f"{first['num_held_out']} {first['split']} samples of "
        f"{len(manifest.schema.label_names)} classes. Weights "
        f"`{pathlib.PurePath(config.weights).name}`, pictures of "
        f"{config.image_size} pixels, {config.epochs} epochs, "
        f"{len(cells[0].runs)} seed(s).",
        "",
        *_results(workdir, cells, metrics),
        "",
        *_baselines(records),
        "",
        *_robustness(cells, metrics),
        "",
        *_missing(manifest.details["missing"]),
    ]
    fused = _best_fused(cells, metrics)
    if fused is not None:
        singles = [
            cell
            for cell in cells
            if "," not in cell.modalities
            and cell.backbone in ("", fused.backbone)
        ]
        captions = pictures.draw(
            workdir,
            comparisons.directory(workdir, fused, fused.runs[0].seed),
            [
                comparisons.directory(workdir, cell, cell.runs[0].seed)
                for cell in singles
            ],
        )
        for name, caption in captions.items():
            lines += ["", f"![{name}]({name})", "", caption]
    path = workdir / run_files.REPORT_FILE
    files.write_text(path, "\n".join(lines) + "\n")
    return path


def _best_fused(cells: "list[Cell]", metrics: dict) -> "Cell | None":
    fused = [
        cell
        for cell in cells
        if cell.modalities.startswith("image,") and not cell.modality_dropout
    ]
    if not fused:
        return None
    return max(
        fused,
        key=lambda cell: sum(m["accuracy"] for m in metrics[cell.name]),
    )


def _results(
    workdir: pathlib.Path, cells: "list[Cell]", metrics: dict
) -> list[str]:
    """The paper's Table 2, ours beside it, each against the best single."""
    plain = [cell for cell in cells if not cell.modality_dropout]
    lines = [
        "The paper's figures are of WebVision, with 5,000 classes and other "
        "data: they stand beside ours to show the table's cells, not to be "
        "compared. Its cells of single texts, of one text with the image, and "
        "of BERT are empty. McNemar's exact test compares each fusion with "
        "the best of its single modalities on the same samples (difference in "
        "points of top-1, then p, seed by seed).",
        "",
        "| image tower | modalities | top-1 | top-5 | against the best single "
        "| published: top-1 / top-5 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    beaten = []
    for cell in plain:
        rows = metrics[cell.name]
        compared = comparisons.compare(workdir, cell, plain, metrics)
        if compared is not None and not compared.wins:
            beaten.append("- " + comparisons.explain(cell, compared, metrics))
        published = PUBLISHED.get((cell.backbone, cell.modalities))
        lines.append(
            f"| {cell.backbone or '-'} | {cell.modalities.replace(',', ', ')} |"
            f" {baselines.summary([row['accuracy'] for row in rows])} |"
            f" {baselines.summary([row['top5'] for row in rows])} |"
            f" {compared or '-'} | "
            + (
                "{}: {:.2f} / {:.2f} |".format(*published)
                if published
                else "- |"
            )
        )
    if beaten:
        lines += ["", "Fusions that do not beat their best modality:", ""]
    return lines + beaten


def _baselines(records: pathlib.Path) -> list[str]:
    lines = [
        "What a user would try first, on the same split (logistic regression):",
        "",
        "| on | top-1 | top-5 |",
        "| --- | --- | --- |",
    ]
    for name, figures in baselines.baselines(records).items():
        lines.append(
            f"| {name} | {100 * figures['accuracy']:.2f} | "
            f"{100 * figures['top5']:.2f} |"
        )
    return lines


def _robustness(cells: "list[Cell]", metrics: dict) -> list[str]:
    """Top-1 with each modality removed at test time (5.1), all classes."""
    most = max(len(cell.modalities.split(",")) for cell in cells)
    rows = [c for c in cells if len(c.modalities.split(",")) == most > 1]
    if not rows:
        return []
    names = rows[0].modalities.split(",")
    lines = [
        "Top-1 when a modality is missing from every test sample:",
        "",
        "| image tower | modality dropout | none missing | "
        + " | ".join(f"no {name}" for name in names)
        + " |",
        "| --- | --- | --- |" + " --- |" * len(names),
    ]
    for cell in rows:
        found = metrics[cell.name]
        removed = (
            baselines.summary([m["removed"][name]["accuracy"] for m in found])
            for name in names
        )
        lines.append(
            f"| {cell.backbone or '-'} | {cell.modality_dropout:g} | "
            f"{baselines.summary([m['accuracy'] for m in found])} | "
            + " | ".join(removed)
            + " |"
        )
    return lines


def _missing(missing: dict[str, dict[str, int]]) -> list[str]:
    """The paper's Table 1."""
    lines = [
        "| source | attribute | missing | share |",
        "| --- | --- | --- | --- |",
    ]
    for source, counts in missing.items():
        for name in ("description", "title"):
            share = 100 * counts[name] / counts["samples"]
            lines.append(
                f"| {source} | {name} | {counts[name]:,} | {share:.1f}% |"
            )
    return lines
