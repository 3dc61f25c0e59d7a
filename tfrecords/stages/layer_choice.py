"""Some layers of stacks that exist: `cls` records without a second encoding."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from absl import logging

from text2image.bert import checkpoint
from text2image.bert.headers import read_header
from text2image.bert.layers import parse_layers
from tfrecords import reader, schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path, open_path
from tfrecords.stages import record_sets, stacks
from tfrecords.units import plans, shard_files
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Product, Unit

_BATCH = 256


def prepare_layers(
    settings: RecordsConfig, stacks_dir: Path, runner: Runner = LOCAL
) -> Path:
    """Takes layers from stacks of the same texts, or from those of all layers.

    Their last bits may differ from those of an encoding of these layers alone.

    Args:
        settings: As those of the stacks, but for `layers` and the map.
        stacks_dir: `cls` records of the texts.
        runner: What encodes all layers, if `stacks_dir` lacks some.

    Returns:
        The directory of `cls` records with these layers. If the texts have
        been encoded with them before, that is the one.

    Raises:
        ValueError: If the encoder has no such layers.
    """
    if settings.pooling == "first_last":  # has no use for layers
        return stacks_dir
    if stacks.is_made(settings):
        return stacks.prepare_cls(settings, runner)
    manifest = reader.open_records(stacks_dir, kind="cls")
    layers: list[int] = []
    encoder = pathlib.Path(checkpoint.locate(settings.encoder))
    if encoder.is_dir():  # else only loading it tells how many it has
        num_layers = read_header(encoder).num_layers
        layers = parse_layers(settings.layers, num_layers, settings.pooling)
    if not layers or not set(layers) <= set(manifest.details["layers"]):
        every = dataclasses.replace(settings, layers="all")
        stacks_dir = stacks.prepare_cls(every, runner)
        manifest = reader.open_records(stacks_dir, kind="cls")
        num_layers = len(manifest.details["layers"])
        layers = parse_layers(settings.layers, num_layers, settings.pooling)
    if layers == manifest.details["layers"]:
        return stacks_dir
    return _choose(settings, stacks_dir, manifest, layers)


def _choose(
    settings: RecordsConfig,
    stacks_dir: Path,
    manifest: schema.Manifest,
    layers: list[int],
) -> Path:
    provenance = {
        **manifest.provenance,
        "layers": layers,
        "layers_of": manifest.fingerprint,
    }
    name = stacks_dir.parent.name.rsplit("-", 1)[0]
    directory = record_sets.directory(settings, "cls", name, provenance)
    if record_sets.existing(directory, provenance):
        logging.info("stacks: reusing %s", directory)
        return directory
    logging.info("stacks: making %s of %s", directory, stacks_dir)
    units = [
        Unit(shard.file, shard.num_examples, (split, index))
        for split, shards in manifest.splits.items()
        for index, shard in enumerate(shards)
    ]
    with UnfinishedSet(directory, provenance) as unfinished:
        aside = unfinished.working_directory
        plans.save(aside, {"stacks_dir": str(stacks_dir), "layers": layers})
        stage = Choosing(aside, stacks_dir, layers)
        record_sets.check_space(
            settings,
            directory,
            sum(unit.size for unit in units),
            stage.schema,
        )
        run(stage, units, LOCAL)
        details = {**manifest.details, "layers": layers}
        if "encoder" in details:
            details["encoder"] = {**details["encoder"], "layers": layers}
        unfinished.publish(
            stage.schema,
            {split: len(shards) for split, shards in manifest.splits.items()},
            f"Layers {layers} of {stacks_dir.parent.name}.",
            details,
        )
    return directory


class Choosing:
    """The stage that makes `cls` shards with fewer layers; see `Stage`.

    Attributes:
        schema: Of its records.
    """

    name = "stacks"
    noun = "stack"

    def __init__(
        self, directory: Path, stacks_dir: Path, layers: Sequence[int]
    ) -> None:
        """Opens the stacks.

        Args:
            directory: Holds the plan; gets the shards.
            stacks_dir: `cls` records with these layers and others.
            layers: The layers, ascending.

        Raises:
            ValueError: If the stacks lack one of them.
        """
        self.directory = directory
        self.plan = str(directory)
        self._stacks_dir = stacks_dir
        self._manifest = reader.open_records(stacks_dir, kind="cls")
        stored = list(self._manifest.details["layers"])
        self._rows = [stored.index(layer) for layer in layers]
        dimensions = self._manifest.schema.shape[1]
        self.schema = schema.cls_schema(
            (len(layers), dimensions), self._manifest.schema.label_names
        )

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the stacks that the plan names."""
        directory, values = plans.load(plan)
        return cls(directory, open_path(values["stacks_dir"]), values["layers"])

    def read(self, unit: Unit) -> None:
        """Reads nothing: stacks are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Writes the records of a shard again, with fewer layers."""
        records = self._records(unit, progress)
        return Product(shard_files.write(self.directory / unit.file, records))

    def _records(
        self, unit: Unit, progress: Callable[[int], object]
    ) -> Iterator[bytes]:
        split, index = unit.key
        shard = self._manifest.splits[split][index]
        dataset = reader.read_shard(self._stacks_dir, shard).batch(_BATCH)
        for batch in dataset.map(self._manifest.schema.parse):
            chosen = batch["stack"].numpy()[:, self._rows]
            columns = (batch[name].numpy() for name in ("id", "label", "text"))
            for key, label, text, stack in zip(*columns, chosen, strict=True):
                yield self.schema.serialize(
                    key.decode(), int(label), stack, text=text
                )
            progress(len(chosen))
