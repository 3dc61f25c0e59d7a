"""The texts whose images a report draws: those asked for, or three."""

import dataclasses
import pathlib
import re
from collections.abc import Collection, Sequence

import matplotlib.figure
import numpy as np

from text2image.deepinsight.figures import (
    draw_examples,
    draw_feature_maps,
    masked,
    occupied,
)
from tfrecords import paths, reader, schema
from trainers import backbones
from trainers.network import model
from trainers.reports import nearest_texts
from trainers.runs import loading, train_images
from trainers.training.inputs import predict

_COUNT = 3
# Beginnings of the reviews of the paper's Fig. 4, the first three of IMDB as
# Kaggle has it.
_PAPERS = (
    "One of the other reviewers has mentioned that after watching just 1 Oz ",
    "A wonderful little production. <br /><br />The filming technique is very ",
    "I thought this was a wonderful way to spend time on a too hot summer ",
)


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images to draw.

    Attributes:
        ids: n record ids.
        labels: Their classes, `(n,)` int.
        images: `(n, H, W, C)` float32.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    images: np.ndarray


def parse_ids(text: str) -> tuple[str, ...]:
    """Reads `--examples`: ids separated by commas."""
    return tuple(filter(None, re.split(r"[,\s]+", text)))


def read(
    records: paths.Path, texts: paths.Path | None, asked: Sequence[str] = ()
) -> Examples:
    """Reads the images of the chosen texts.

    Args:
        records: Directory of `image` records.
        texts: Directory of their `cls` records; `None` if they are gone.
        asked: Record ids. By default the reviews of the paper's Fig. 4, if the
            corpus has all of them, else the first train texts.

    Raises:
        ValueError: If a text is asked for that there is not.
    """
    manifest = reader.open_records(records, kind="image")
    ids = tuple(asked) or _papers_reviews(texts)
    if not ids:
        batch = next(
            iter(
                reader.read_records(
                    records, "train", batch_size=_COUNT, manifest=manifest
                )
            )
        )
        keys = [key.decode() for key in batch["id"].numpy()]
        return Examples(
            tuple(keys), batch["label"].numpy(), batch["image"].numpy()
        )
    found = _read_by_id(records, manifest, set(ids))
    unknown = [key for key in ids if key not in found]
    if unknown:
        raise ValueError(
            "--examples must name ids of the train or validation texts, as in "
            f"predictions.csv. Received also: {', '.join(unknown)}"
        )
    labels, images = zip(*(found[key] for key in ids), strict=True)
    return Examples(ids, np.array(labels), np.stack(images))


def _papers_reviews(texts: paths.Path | None) -> tuple[str, ...]:
    """Record ids of the paper's reviews, if all of them are there."""
    found = nearest_texts.find_beginnings(texts, _PAPERS)
    return tuple(found) if len(found) == len(_PAPERS) else ()


def _read_by_id(
    records: paths.Path, manifest: schema.Manifest, ids: Collection[str]
) -> dict[str, tuple[int, np.ndarray]]:
    """Record id to label and image `(H, W, C)`."""
    found = {}
    for split in ("train", "validation"):
        for batch in reader.read_records(records, split, manifest=manifest):
            for row, key in enumerate(batch["id"].numpy()):
                if key.decode() in ids:
                    image = batch["image"][row].numpy()
                    found[key.decode()] = int(batch["label"][row]), image
            if len(found) == len(ids):
                return found
    return found


def draw(
    workdir: pathlib.Path, examples: Examples, names: Sequence[str]
) -> dict[str, matplotlib.figure.Figure]:
    """Draws the images and what the model reads; feature maps of the first.

    Args:
        workdir: Directory of the run.
        examples: The images.
        names: Names of the classes.

    Returns:
        `examples.png` and `feature_maps.png`.
    """
    images = examples.images
    titles = [
        f"{key} ({names[label]})"
        for key, label in zip(examples.ids, examples.labels, strict=True)
    ]
    run = loading.load_run(workdir)
    mean = train_images.load(run).mean
    to_maps, _ = model.split_at_maps(run.model)
    maps = predict(to_maps, images)
    stages = {"image less the mean": images}
    if run.config.autoencoder == "linear":
        _, features, _ = run.model.layers
        code = features.get_layer(model.LINEAR_CODE)
        stages["read from the feature maps"] = code.images(
            np.asarray(code(maps))
        )
    backbone = backbones.get_backbone(run.config.backbone)
    return {
        "examples.png": draw_examples(
            images,
            titles,
            {
                name: masked(values - mean, occupied(mean))
                for name, values in stages.items()
            },
        ),
        "feature_maps.png": draw_feature_maps(
            maps[0], f"{backbone.title}, {titles[0]}"
        ),
    }
