"""The validation texts of a run, from the records that its images are of."""

import dataclasses

import numpy as np

from tfrecords import paths, reader
from trainers.runs.loading import Run
from trainers.serving import agreement


@dataclasses.dataclass(frozen=True)
class LabelledText:
    """A text of the records.

    Attributes:
        id: Id of its record.
        text: The text.
        label: Name of its class.
    """

    id: str
    text: str
    label: str


def read_validation_texts(run: Run, most: int) -> list[LabelledText]:
    """Reads the validation texts of a run; of more than `most`, every n-th.

    Args:
        run: A finished run.
        most: Most texts.

    Raises:
        FileNotFoundError: If the records with the texts are gone.
    """
    images = paths.open_path(run.config.image_records)
    fingerprint = run.origin.provenance["cls"]
    records = agreement.text_records(images, fingerprint)
    if records is None:
        raise FileNotFoundError(
            "The validation texts must be in records "
            f"{images.parent.parent.parent}/cls/*-{fingerprint}. Received: "
            "none. Run the training command again in the directory where it "
            "ran: that makes them again; or copy them there."
        )
    manifest = reader.open_records(records, kind="cls")
    count = manifest.num_examples("validation")
    rows = np.linspace(0, count - 1, min(most, count)).round().astype(int)
    chosen = set(rows.tolist())
    texts = []
    row = 0
    for batch in reader.read_records(records, "validation", manifest=manifest):
        for key, text, label in zip(
            *(batch[name].numpy() for name in ("id", "text", "label")),
            strict=True,
        ):
            if row in chosen:
                name = manifest.schema.label_names[label]
                texts.append(LabelledText(key.decode(), text.decode(), name))
            row += 1
    return texts
