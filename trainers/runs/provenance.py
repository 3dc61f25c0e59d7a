"""What a run keeps of its records, so that it outlives them.

`records.json` in the workdir, with the pixel map beside it: everything that
prediction and export need besides weights and encoder. The encoder is found
again by its source and known by its sha256.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from text2image import hashes
from tfrecords import files as durable
from tfrecords import schema
from tfrecords.settings import fingerprint

FORMAT_VERSION = 1
RECORDS = "records.json"
_MAP_FILES = ("pixel_map.npz", "pixel_map.json")
# What fitting adds to the provenance in pixel_map.json.
_ADDED_BY_FIT = ("layers", "figures")
_ENCODER_KEYS = {"source", "sha256", "layers", "max_tokens", "gelu"}


@dataclasses.dataclass(frozen=True)
class Origin:
    """The records of a run.

    Attributes:
        fingerprint: Of the image records.
        provenance: What the fingerprint is of.
        image_shape: (H, W, C).
        label_names: Class names in label order.
        stacks: Provenance of the stacks the pictures are drawn from; `None`
            for pictures from elsewhere.
        encoder: `source`, `sha256`, `layers`, `max_tokens`, `gelu`,
            `pooling`, `dtype` of what made the stacks; `None` likewise.
        files: Kept files of the pixel map, name to sha256.
    """

    fingerprint: str
    provenance: dict[str, Any]
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    stacks: dict[str, Any] | None
    encoder: dict[str, Any] | None
    files: dict[str, str]

    @classmethod
    def load(cls, workdir: pathlib.Path) -> "Origin":
        """Reads what `keep` wrote, and checks that it belongs together.

        Raises:
            FileNotFoundError: If it or a file of the map is missing.
            ValueError: If a file is damaged or of another set of records.
        """
        path = workdir / RECORDS
        if not path.is_file():
            raise FileNotFoundError(
                f"{workdir} holds no {RECORDS}: not a run of this version. "
                "Name a --workdir of trainers.run, or give it its training "
                "command again: that adds the file and trains nothing."
            )
        try:
            value = json.loads(path.read_text("utf-8"))
            if (version := value.pop("format_version")) != FORMAT_VERSION:
                raise TypeError(f"format_version is {version}")
            value["image_shape"] = tuple(value["image_shape"])
            value["label_names"] = tuple(value["label_names"])
            found = cls(**value)
            found._check(workdir)
        except (
            json.JSONDecodeError,
            UnicodeDecodeError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            raise ValueError(
                f"{path} is damaged ({error!r}). Give the run's training "
                "command again: that writes it anew and trains nothing."
            ) from error
        return found

    def _check(self, workdir: pathlib.Path) -> None:
        claims: list[tuple[str, dict[str, Any], str | None]] = [
            ("image records", self.provenance, self.fingerprint)
        ]
        if self.stacks is not None:
            claims.append(("stacks", self.stacks, self.provenance.get("cls")))
        for name, provenance, expected in claims:
            _check_fingerprint(
                f"{workdir}/{RECORDS}: {name}", provenance, expected
            )
        if self.encoder is not None:
            missing = _ENCODER_KEYS - set(self.encoder)
            if missing:
                raise KeyError(*sorted(missing))
            stacks = self.stacks or {}
            for name, other in (
                ("sha256", "encoder_sha256"),
                ("max_tokens", "max_tokens"),
            ):
                if self.encoder[name] != stacks.get(other):
                    raise ValueError(
                        f"{workdir}/{RECORDS}: the encoder's {name} must be "
                        f"{stacks.get(other)}, as for the stacks. Received: "
                        f"{self.encoder[name]}. The file was edited."
                    )
        for name, sha256 in self.files.items():
            path = workdir / name
            if not path.is_file():
                raise FileNotFoundError(
                    f"{path} is missing. Give the run's training command "
                    "again: that copies it from the records."
                )
            received = hashes.sha256_of_file(path)
            if received != sha256:
                raise ValueError(
                    f"{path} must have the sha256 {sha256}. Received: "
                    f"{received}. It was changed; give the run's training "
                    "command again."
                )
        if self.files:
            value = json.loads((workdir / "pixel_map.json").read_text("utf-8"))
            provenance = {
                name: value[name]
                for name in value
                if name not in (*_ADDED_BY_FIT, "format_version")
            }
            _check_fingerprint(
                f"{workdir}/pixel_map.json", provenance, self.fingerprint
            )


def _check_fingerprint(
    name: str, provenance: dict[str, Any], expected: str | None
) -> None:
    received = fingerprint(provenance)
    if received != expected:
        raise ValueError(
            f"{name} must have the fingerprint {expected}. Received: "
            f"{received}. It belongs to other records, or was edited."
        )


def keep(
    records: pathlib.Path, manifest: schema.Manifest, workdir: pathlib.Path
) -> None:
    """Copies into the workdir what outlives the records.

    Args:
        records: The `image` records.
        manifest: Their manifest.
        workdir: The run's directory.

    Raises:
        ValueError: If the pixel map is not the one the manifest vouches for.
    """
    files = {
        name: manifest.files[name]
        for name in _MAP_FILES
        if name in manifest.files
    }
    for name, sha256 in files.items():
        content = (records / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(
                f"{records / name} must have the sha256 {sha256}, as the "
                "manifest says: it was changed. Delete the directory and "
                "build the records again."
            )
        durable.write_bytes(workdir / name, content)
    origin = Origin(
        fingerprint=manifest.fingerprint,
        provenance=manifest.provenance,
        image_shape=manifest.schema.shape,  # type: ignore[arg-type]
        label_names=manifest.schema.label_names,
        stacks=manifest.details.get("stacks"),
        encoder=manifest.details.get("encoder"),
        files=files,
    )
    value = {"format_version": FORMAT_VERSION, **dataclasses.asdict(origin)}
    durable.write_bytes(
        workdir / RECORDS,
        json.dumps(value, indent=2, sort_keys=True).encode(),
    )
