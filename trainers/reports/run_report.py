"""A run's directory to report.md and its pictures. Draws, never trains."""

import dataclasses
import pathlib
from typing import Any

import matplotlib.figure
import numpy as np
from absl import logging

from text2image.deepinsight import figures, pixel_map
from tfrecords import reader
from trainers import backbones
from trainers.config import TrainConfig
from trainers.network import model
from trainers.runs import checkpoints
from trainers.training import feature_cache

_NUM_EXAMPLES = 3


def write_report(
    workdir: pathlib.Path,
    config: TrainConfig,
    metrics: dict[str, Any],
    baselines: dict[str, dict[str, Any]],
) -> pathlib.Path:
    """Writes `report.md` and the pictures it shows.

    Args:
        workdir: The run's directory.
        config: Its settings.
        metrics: What `train_and_evaluate` returned.
        baselines: Name to figures of `baselines.logistic_regression`.

    Returns:
        The report's path.
    """
    path = workdir / "report.md"
    text = _text(config, metrics, baselines, list(CAPTIONS))
    if path.is_file() and path.read_text("utf-8") == text:
        logging.info("report: reusing %s", path)
        return path
    records = pathlib.Path(config.image_records)
    fitted = pixel_map.PixelMap.load(records)
    drawn = {
        "curves.png": _draw_curves(metrics["epochs"]),
        "map.png": figures.draw_map(fitted),
        "density.png": figures.draw_density(fitted),
        **_draw_examples(config, workdir, records),
    }
    for name, figure in drawn.items():
        aside = workdir / f"{name}.writing"
        figure.savefig(aside, format="png", dpi=120)
        aside.replace(workdir / name)
    aside = workdir / "report.md.writing"
    aside.write_text(text, "utf-8")
    aside.replace(path)
    return path


def _draw_curves(epochs: list[dict[str, float]]) -> matplotlib.figure.Figure:
    """Loss and accuracy against epochs."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.6), layout="constrained")
    number = [row["epoch"] for row in epochs]
    for axes, quantity in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), strict=True
    ):
        for name, field in (
            ("train", f"train_{quantity}"),
            ("validation", quantity),
        ):
            axes.plot(
                number, [row[field] for row in epochs], "o-", ms=3, label=name
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel(quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _draw_examples(
    config: TrainConfig, workdir: pathlib.Path, records: pathlib.Path
) -> dict[str, matplotlib.figure.Figure]:
    """The first train pictures before and after normalisation; maps."""
    manifest = reader.open_records(records, kind="image")
    batch = next(
        iter(
            reader.read_records(
                records, "train", batch_size=_NUM_EXAMPLES, manifest=manifest
            )
        )
    )
    images = batch["image"].numpy()
    names = manifest.schema.label_names
    titles = [
        f"{key.decode()} ({names[label]})"
        for key, label in zip(
            batch["id"].numpy(), batch["label"].numpy(), strict=True
        )
    ]
    models = model.build_models(
        dataclasses.replace(config, weights="random"),  # to be replaced
        manifest.schema.shape,
        len(names),
    )
    checkpoints.load(
        workdir / "model.safetensors", checkpoints.variables(models.whole)
    )
    normalized = images
    for layer in ("contrast", "normalization"):
        if layer in [found.name for found in models.extractor.layers]:
            normalized = models.extractor.get_layer(layer)(normalized)
    maps = feature_cache.predict(models.extractor, images)
    rows = {"picture": images, "as the slice sees it": np.asarray(normalized)}
    if config.autoencoder == "linear":
        code = models.features.get_layer(model.LINEAR_CODE)
        rows["read off the maps"] = code.pictures(
            feature_cache.predict(models.features, images)
        )
    backbone = backbones.get_backbone(config.backbone)
    return {
        "examples.png": figures.draw_examples(rows, titles),
        "feature_maps.png": figures.draw_feature_maps(
            maps[0], f"{backbone.title}, {titles[0]}"
        ),
    }


CAPTIONS = {
    "curves.png": "Loss and accuracy. The train figures are taken while the "
    "model learns, with dropout.",
    "map.png": "Where t-SNE or PCA puts every feature, with the convex hull "
    "and the smallest rectangle that holds it.",
    "density.png": "How many features share a pixel; their mean is drawn.",
    "examples.png": "The first train pictures: as recorded; after contrast "
    "and normalisation, as the slice sees them; and as the linear autoencoder, "
    "if there is one, reads them off the frozen maps.",
    "feature_maps.png": "What the frozen slice makes of the first of them.",
}


def _text(
    config: TrainConfig,
    metrics: dict[str, Any],
    baselines: dict[str, dict[str, Any]],
    pictures: list[str],
) -> str:
    backbone = backbones.get_backbone(config.backbone)
    maps = metrics["feature_maps"]
    rates = " and ".join(
        f"{rate:g} ({part})" for part, rate in metrics["learning_rates"].items()
    )
    kept = ""
    if metrics["picture_kept"] is not None:
        kept = (
            f" Read linearly off them: {metrics['picture_kept']:.1%} of the "
            "validation pictures' variance."
        )
    lines = [
        f"# {backbone.title} on text as pictures",
        "",
        f"Records: `{config.image_records}` "
        f"(fingerprint {metrics['image_fingerprint']}), "
        f"{metrics['num_train']} train and {metrics['num_validation']} "
        "validation texts.",
        "",
        f"Frozen slice: {maps[0]} x {maps[1]} x {maps[2]} maps, weights "
        f"`{config.weights}`.{kept} Trained: "
        f"{metrics['trainable_parameters']:,} parameters, "
        f"{len(metrics['epochs'])} epochs, Adam at {rates}.",
        "",
        "| on the validation texts | accuracy |",
        "| --- | --- |",
        f"| **this model, last epoch** | **{metrics['accuracy']:.4f}** |",
        f"| this model, cumulative as the published code prints it (mean of "
        f"{metrics['num_validations']} validations) | "
        f"{metrics['cumulative_accuracy']:.4f} |",
    ]
    lines += [
        f"| logistic regression on the same {name} | "
        f"{figures_['accuracy']:.4f} |"
        for name, figures_ in sorted(baselines.items(), reverse=True)
    ]
    lines += [
        "",
        f"Macro-F1 {metrics['macro_f1']:.4f}, loss {metrics['loss']:.4f}, "
        f"expected calibration error {metrics['calibration_error']:.4f}.",
        "",
        "| true \\ predicted | " + " | ".join(metrics["label_names"]) + " |",
        "| --- |" + " --- |" * len(metrics["label_names"]),
    ]
    for name, row in zip(
        metrics["label_names"], metrics["confusion_matrix"], strict=True
    ):
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
    for picture in pictures:
        lines += ["", f"![{picture}]({picture})", "", CAPTIONS[picture]]
    return "\n".join(lines) + "\n"
