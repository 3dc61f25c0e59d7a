"""The texts of `cls` records, in the order of the records."""

import dataclasses

import numpy as np

from text2image.bert.cleaning import clean_text
from tfrecords import paths, reader, schema


@dataclasses.dataclass(frozen=True)
class RecordedTexts:
    """A split.

    Attributes:
        texts: N texts, as recorded.
        labels: `(N,)` int32.
        ids: N record ids.
    """

    texts: list[str]
    labels: np.ndarray
    ids: list[str]

    def cleaned(self, kind: str) -> list[str]:
        """Returns the texts after `--clean`."""
        return [clean_text(text, kind) for text in self.texts]


def read(
    records: paths.Path, split: str, manifest: schema.Manifest
) -> RecordedTexts:
    """Reads a split of `cls` records, but for the stacks."""
    found = RecordedTexts([], np.zeros(0, np.int32), [])
    labels = []
    for batch in reader.read_records(records, split, manifest=manifest):
        found.texts.extend(text.decode() for text in batch["text"].numpy())
        found.ids.extend(key.decode() for key in batch["id"].numpy())
        labels.append(batch["label"].numpy())
    return dataclasses.replace(
        found, labels=np.concatenate(labels).astype(np.int32)
    )
