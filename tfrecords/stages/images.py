"""`cls` records to `image` records: [CLS] stacks to images."""

import dataclasses
import math
from typing import Any

from absl import logging

from text2image import hashes, options
from text2image.deepinsight.pixel_map import PixelMap
from tfrecords import reader, schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import map_checks, record_sets
from tfrecords.stages.drawing import Drawing
from tfrecords.stages.map_fitting import fit_pixel_map, map_device
from tfrecords.units import plans
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Unit
from tfrecords.versions import installed_versions

SETTINGS = map_checks.MAP_SETTINGS
# Details of the stacks about tokens, which the images keep.
_TOKENS = ("mean_tokens", "truncated_share", "unknown_share")
_MAP_FILES = ("pixel_map.npz", "pixel_map.json", "pixel_map.csv")


def prepare_images(
    settings: RecordsConfig,
    cls_dir: Path,
    runner: Runner = LOCAL,
    *,
    map_of: Path | None = None,
) -> Path:
    """Draws an image per stack, unless these images already exist.

    Scaler and pixel map are fitted on the train stacks only.

    Args:
        settings: Settings of the map.
        cls_dir: Directory of the `cls` records.
        runner: What fits and draws.
        map_of: Directory of a run or of images whose scaler and map draw
            these images too; by default both are fitted.

    Returns:
        The directory of the `image` records, with the map beside them.

    Raises:
        ValueError: If the stacks are damaged or not those of `map_of`, or a
            set in the images' directory has a different provenance.
    """
    manifest = reader.open_records(cls_dir, kind="cls")
    num_channels = options.NUM_CHANNELS[settings.channels]
    shape = (settings.image_height, settings.image_width, num_channels)
    given = None
    provenance = {"kind": "image", "cls": manifest.fingerprint}
    if map_of is not None:
        given = given_map(map_of, manifest)
        shape = given.image_shape
        provenance["map_sha256"] = hashes.sha256_of_file(map_of / _MAP_FILES[0])
    else:
        provenance |= record_sets.pick(settings, SETTINGS)
        # Absent on a CPU: records keep the fingerprint that they had before.
        if (device := map_device(settings)) != "cpu":
            provenance["map_device"] = device
    name = cls_dir.parent.name.rsplit("-", 1)[0]
    directory = record_sets.directory(settings, "image", name, provenance)
    if record_sets.existing(directory, provenance):
        logging.info("images: reusing %s", directory)
        return directory
    logging.info("images: making %s", directory)
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
        given,
    )
    return directory


def given_map(directory: Path, manifest: schema.Manifest) -> PixelMap:
    """Loads a map that is to draw other stacks.

    Raises:
        ValueError: If the stacks have other layers or another width.
    """
    given = PixelMap.load(directory)
    expected = given.num_features, list(given.provenance["layers"])
    received = (
        math.prod(manifest.schema.shape),
        list(manifest.details["layers"]),
    )
    if received != expected:
        raise ValueError(
            f"The map of {directory} has a pixel for each of {expected[0]} "
            f"features, of the layers {expected[1]}. Received: stacks of "
            f"{received[0]} features of the layers {received[1]}. Use the "
            "encoder and the --layers that the map was made with."
        )
    return given


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
    given: PixelMap | None,
) -> None:
    with UnfinishedSet(directory, provenance) as unfinished:
        aside = unfinished.working_directory
        if unfinished.files:
            # A map fitted on another machine could differ.
            logging.info("map: reusing the one of the finished shards")
            pixel_map = PixelMap.load(aside)
        else:
            if given is not None:
                kept = {n: given.provenance[n] for n in ("layers", "figures")}
                pixel_map = dataclasses.replace(
                    given, provenance={**provenance, **kept}
                )
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
        vectors = manifest.details.get("vectors")
        unfinished.publish(
            record_schema,
            num_shards,
            f"DeepInsight images {record_schema.shape} of [CLS] stacks.",
            {
                "audit": manifest.details["audit"],
                "map": pixel_map.provenance["figures"],
                "stacks": manifest.provenance,
                "encoder": manifest.details.get("encoder"),
                **({"vectors": vectors} if vectors else {}),
                "versions": installed_versions(*record_sets.LIBRARIES),
                # None: the stacks were made before it was counted.
                **{name: manifest.details.get(name) for name in _TOKENS},
            },
        )
