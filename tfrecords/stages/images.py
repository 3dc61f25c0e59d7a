"""`cls` records to `image` records: [CLS] stacks to pictures."""

import pathlib
import typing
from collections.abc import Iterator
from typing import Any

from absl import logging

from text2image import options
from tfrecords import config
from tfrecords.stages import record_sets

if typing.TYPE_CHECKING:
    from tfrecords import schema

SETTINGS = (
    "scaler",
    "projection",
    "tsne_method",
    "metric",
    "perplexity",
    "tsne_init",
    "tsne_learning_rate",
    "tsne_iterations",
    "assignment",
    "fill",
    "layout",
    "channels",
    "image_height",
    "image_width",
    "compat",
    "map_seed",
)
_MAP_FILES = ("pixel_map.npz", "pixel_map.json", "pixel_map.csv")


def prepare_images(
    settings: config.RecordsConfig, cls_dir: pathlib.Path
) -> pathlib.Path:
    """Draws the stacks, unless the same pictures stand already.

    Scaler and pixel map are fitted on the train stacks only.

    Returns:
        The directory of the `image` records, with the map beside them.
    """
    import tensorflow as tf

    from tfrecords import reader, schema

    manifest = reader.open_records(cls_dir, kind="cls")
    provenance = {
        "kind": "image",
        "cls": manifest.fingerprint,
        **record_sets.pick(settings, SETTINGS),
    }
    name = cls_dir.parent.name.rsplit("-", 1)[0]
    directory = record_sets.directory(settings, "image", name, provenance)
    if record_sets.standing(directory, provenance):
        logging.info("pictures: reusing %s", directory)
        return directory
    logging.info("pictures: making %s", directory)
    num_channels = options.NUM_CHANNELS[settings.channels]
    shape = (settings.image_height, settings.image_width, num_channels)
    record_schema = schema.image_schema(shape, manifest.schema.label_names)
    total = sum(manifest.num_examples(split) for split in manifest.splits)
    record_sets.check_space(settings, directory, total, record_schema)
    try:
        _draw(settings, cls_dir, manifest, directory, record_schema, provenance)
    except tf.errors.DataLossError as error:
        raise ValueError(
            f"{cls_dir} is damaged: see python -m tfrecords.verify {cls_dir}; "
            "then delete the directory and build the records again."
        ) from error
    return directory


def _draw(
    settings: config.RecordsConfig,
    cls_dir: pathlib.Path,
    manifest: "schema.Manifest",
    directory: pathlib.Path,
    record_schema: "schema.Schema",
    provenance: dict[str, Any],
) -> None:
    import tqdm

    from text2image.deepinsight import pixel_map, render
    from tfrecords import writer
    from tfrecords.stages import map_fitting

    num_shards = {
        split: len(shards) for split, shards in manifest.splits.items()
    }
    with writer.RecordWriter(
        directory, record_schema, provenance, num_shards
    ) as records:
        if records.files:
            # Another machine may fit another map.
            logging.info("map: reusing the one of the finished shards")
            fitted = pixel_map.PixelMap.load(records.working_directory)
        else:
            fitted = map_fitting.fit_pixel_map(
                settings, cls_dir, manifest, provenance
            )
            fitted.save(records.working_directory)
            records.keep_files(_MAP_FILES)
        renderer = render.Renderer(fitted)
        total = sum(manifest.num_examples(split) for split in manifest.splits)
        with tqdm.tqdm(total=total, unit="text", desc="pictures") as progress:
            for split, shards in manifest.splits.items():
                for index, shard in enumerate(shards):
                    progress.update(shard.num_examples)
                    if records.is_finished(split, index):
                        continue
                    records.write_shard(
                        split,
                        index,
                        _drawn(
                            cls_dir, shard, manifest, renderer, record_schema
                        ),
                    )
        records.finish(
            f"DeepInsight pictures {record_schema.shape} of [CLS] stacks.",
            {
                "audit": manifest.details["audit"],
                "map": fitted.provenance["figures"],
                "stacks": manifest.provenance,
                "encoder": manifest.details.get("encoder"),
                "versions": record_sets.versions(),
            },
        )


def _drawn(
    cls_dir: pathlib.Path,
    shard: "schema.Shard",
    manifest: "schema.Manifest",
    renderer: Any,
    record_schema: "schema.Schema",
) -> Iterator[bytes]:
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset([str(cls_dir / shard.file)])
    for batch in dataset.batch(256).map(manifest.schema.parse):
        images = renderer.render(batch["stack"].numpy())
        keys, labels = batch["id"].numpy(), batch["label"].numpy()
        for key, label, image in zip(keys, labels, images, strict=True):
            yield record_schema.serialize(key.decode(), int(label), image)
