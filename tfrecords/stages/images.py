"""`cls` records to `image` records: [CLS] stacks to images."""

from typing import Any

from absl import logging

from text2image import options
from text2image.deepinsight.pixel_map import PixelMap
from tfrecords import reader, schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import record_sets
from tfrecords.stages.drawing import Drawing
from tfrecords.stages.map_fitting import fit_pixel_map, map_device
from tfrecords.units import plans
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Unit
from tfrecords.versions import installed_versions

# Fields of `RecordsConfig` that the images depend on, besides the stacks.
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
# Details of the stacks about tokens, which the images keep.
_TOKENS = ("mean_tokens", "truncated_share", "unknown_share")
_MAP_FILES = ("pixel_map.npz", "pixel_map.json", "pixel_map.csv")


def prepare_images(
    settings: RecordsConfig, cls_dir: Path, runner: Runner = LOCAL
) -> Path:
    """Draws an image per stack, unless these images already exist.

    Scaler and pixel map are fitted on the train stacks only.

    Args:
        settings: Settings of the map.
        cls_dir: Directory of the `cls` records.
        runner: What fits and draws.

    Returns:
        The directory of the `image` records, with the map beside them.

    Raises:
        ValueError: If the stacks are damaged, or a set in the images'
            directory has a different provenance.
    """
    manifest = reader.open_records(cls_dir, kind="cls")
    provenance = {
        "kind": "image",
        "cls": manifest.fingerprint,
        **record_sets.pick(settings, SETTINGS),
    }
    # Absent on a CPU: records keep the fingerprint that they had before.
    if (device := map_device(settings)) != "cpu":
        provenance["map_device"] = device
    name = cls_dir.parent.name.rsplit("-", 1)[0]
    directory = record_sets.directory(settings, "image", name, provenance)
    if record_sets.existing(directory, provenance):
        logging.info("images: reusing %s", directory)
        return directory
    logging.info("images: making %s", directory)
    num_channels = options.NUM_CHANNELS[settings.channels]
    shape = (settings.image_height, settings.image_width, num_channels)
    record_schema = schema.image_schema(shape, manifest.schema.label_names)
    record_sets.check_space(
        settings, directory, _total(manifest), record_schema
    )
    _draw(
        settings,
        cls_dir,
        manifest,
        directory,
        record_schema,
        provenance,
        runner,
    )
    return directory


def _total(manifest: schema.Manifest) -> int:
    return sum(manifest.num_examples(split) for split in manifest.splits)


def _draw(
    settings: RecordsConfig,
    cls_dir: Path,
    manifest: schema.Manifest,
    directory: Path,
    record_schema: schema.Schema,
    provenance: dict[str, Any],
    runner: Runner,
) -> None:
    with UnfinishedSet(directory, provenance) as unfinished:
        aside = unfinished.working_directory
        if unfinished.files:
            # A map fitted on another machine could differ.
            logging.info("map: reusing the one of the finished shards")
            pixel_map = PixelMap.load(aside)
        else:
            pixel_map = fit_pixel_map(
                settings,
                cls_dir,
                manifest,
                provenance,
                directory=aside,
                runner=runner,
            )
            pixel_map.save(aside)
            unfinished.keep_files(_MAP_FILES)
        plans.save(aside, {"cls_dir": str(cls_dir)})
        num_shards = {
            split: len(shards) for split, shards in manifest.splits.items()
        }
        units = [
            Unit(
                schema.shard_name("image", split, index, num_shards[split]),
                shard.num_examples,
                (split, index),
            )
            for split, shards in manifest.splits.items()
            for index, shard in enumerate(shards)
        ]
        drawing = Drawing(aside, cls_dir, manifest, pixel_map)
        run(drawing, units, runner)
        unfinished.publish(
            record_schema,
            num_shards,
            f"DeepInsight images {record_schema.shape} of [CLS] stacks.",
            {
                "audit": manifest.details["audit"],
                "map": pixel_map.provenance["figures"],
                "stacks": manifest.provenance,
                "encoder": manifest.details.get("encoder"),
                **{
                    name: manifest.details[name]
                    for name in ("vectors",)
                    if name in manifest.details
                },
                "versions": installed_versions(*record_sets.LIBRARIES),
                # None: the stacks were made before it was counted.
                **{name: manifest.details.get(name) for name in _TOKENS},
            },
        )
