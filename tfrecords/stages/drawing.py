"""Stacks to images, one shard at a time."""

from collections.abc import Callable, Iterator
from typing import Self

from text2image.deepinsight.pixel_map import PixelMap
from text2image.deepinsight.render import Renderer
from tfrecords import reader, schema
from tfrecords.paths import Path, open_path
from tfrecords.units import plans, shard_files
from tfrecords.units.unit import Product, Unit

_BATCH = 256


class Drawing:
    """The stage that makes `image` shards; see `units.unit.Stage`."""

    name = "images"
    noun = "image"

    def __init__(
        self,
        directory: Path,
        cls_dir: Path,
        manifest: schema.Manifest,
        pixel_map: PixelMap,
    ) -> None:
        """Stores the arguments.

        Args:
            directory: Holds plan and map; gets the shards.
            cls_dir: Directory of the `cls` records.
            manifest: Their manifest.
            pixel_map: The map.
        """
        self.directory = directory
        self.plan = str(directory)
        self._cls_dir = cls_dir
        self._manifest = manifest
        self._renderer = Renderer(pixel_map)
        self._schema = schema.image_schema(
            pixel_map.image_shape, manifest.schema.label_names
        )

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the stacks and the map."""
        directory, values = plans.load(plan)
        cls_dir = open_path(values["cls_dir"])
        manifest = reader.open_records(cls_dir, kind="cls")
        return cls(directory, cls_dir, manifest, PixelMap.load(directory))

    def read(self, unit: Unit) -> None:
        """Reads nothing: stacks are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Draws the stacks of a shard and writes their records."""
        records = self._records(unit, progress)
        return Product(shard_files.write(self.directory / unit.file, records))

    def _records(
        self, unit: Unit, progress: Callable[[int], object]
    ) -> Iterator[bytes]:
        split, index = unit.key
        shard = self._manifest.splits[split][index]
        dataset = reader.read_shard(self._cls_dir, shard)
        for batch in dataset.batch(_BATCH).map(self._manifest.schema.parse):
            images = self._renderer.render(batch["stack"].numpy())
            keys, labels = batch["id"].numpy(), batch["label"].numpy()
            for key, label, image in zip(keys, labels, images, strict=True):
                yield self._schema.serialize(key.decode(), int(label), image)
            progress(len(keys))
