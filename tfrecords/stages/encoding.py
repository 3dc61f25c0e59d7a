"""Texts to [CLS] stacks, one shard at a time."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

from text2image.bert.batches import Shapes
from text2image.bert.encoder import Encoder
from text2image.bert.tokens import Tokens
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import encoded_records, row_ranges, shard_texts
from tfrecords.stages.shard_texts import Text
from tfrecords.units import plans, shard_files
from tfrecords.units.unit import Product, Unit


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the stacks of a shard are made from, besides its texts.

    Attributes:
        settings: Resolved settings, as `dataclasses.asdict` gives them.
        encoder_path: Directory or preset name of the encoder.
        widths: Widths of the batches.
        label_names: Class names.
        label_index: Label of an example to the index of its class.
    """

    settings: dict[str, Any]
    encoder_path: str
    widths: tuple[int, ...]
    label_names: tuple[str, ...]
    label_index: Mapping[Any, int]


class Encoding:
    """The stage that makes `cls` shards; see `units.unit.Stage`."""

    name = "stacks"
    noun = "text"

    def __init__(self, directory: Path, plan: Plan, encoder: Encoder) -> None:
        """Stores the arguments.

        Args:
            directory: Holds the plan and the staged texts; gets the shards.
            plan: The plan.
            encoder: The encoder that the plan names.
        """
        self.directory = directory
        self.plan = str(directory)
        self._settings = RecordsConfig(**plan.settings)
        self._label_index = plan.label_index
        self._encoder = encoder
        self._schema = schema.cls_schema(encoder.stack_shape, plan.label_names)

    @classmethod
    def open(cls, plan: str) -> Self:
        """Loads the encoder."""
        directory, values = plans.load(plan)
        read = Plan(**{name: _as_tuple(v) for name, v in values.items()})
        settings = RecordsConfig(**read.settings)
        encoder = encoded_records.build_encoder(settings, read.encoder_path)
        encoder.shapes = Shapes(read.widths, encoder.computing.tokens_per_batch)
        return cls(directory, read, encoder)

    def read(self, unit: Unit) -> tuple[list[Text], Tokens]:
        """Reads and tokenises the texts of a shard."""
        split, index = unit.key[:2]
        if len(unit.key) == 2:
            texts = shard_texts.read(self.directory, split, index)
        else:
            texts = list(
                shard_texts.of_range(
                    self._settings,
                    self._label_index,
                    row_ranges.range_of(unit),
                    schema.SPLITS.index(split),
                )
            )
        return texts, self._encoder.tokenize([each.text for each in texts])

    def write(
        self,
        unit: Unit,
        content: tuple[list[Text], Tokens],
        progress: Callable[[int], object],
    ) -> Product:
        """Encodes the texts and writes their records."""
        texts, tokens = content
        stacks, _ = self._encoder.encode(tokens, progress=progress)
        serialized = (
            self._schema.serialize(each.id, each.label, stack, text=each.text)
            for each, stack in zip(texts, stacks, strict=True)
        )
        return Product(
            shard_files.write(self.directory / unit.file, serialized),
            {
                "num_tokens": int(tokens.kept.sum()),
                "num_truncated": int(
                    (tokens.lengths > self._encoder.long_texts.most).sum()
                ),
                "num_unknown": tokens.num_unknown,
            },
        )


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
