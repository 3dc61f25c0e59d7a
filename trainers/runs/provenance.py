"""What a run keeps of its records, so that it outlives them.

`records.json` in the workdir, with the pixel map beside it, is everything that
prediction and export need besides weights and encoder. The encoder is found
by its source and identified by its sha256.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any, Self

from text2image import hashes
from tfrecords import files, paths, schema
from tfrecords.settings import fingerprint
from trainers.runs import json_files
from trainers.runs.file_list import FileList
from trainers.runs.workdir import RECORDS_FILE

FORMAT_VERSION = 1
MAP_FILE = "pixel_map.npz"
_MAP_JSON_FILE = "pixel_map.json"
# What fitting adds to the provenance in pixel_map.json.
_ADDED_BY_FIT = ("layers", "figures")
_CURE = (
    "Run the training command again: that rewrites the file without training."
)
_ENCODER_KEYS = {"source", "sha256", "layers", "max_tokens", "gelu"}


@dataclasses.dataclass(frozen=True)
class Origin:
    """The image records of a run.

    Attributes:
        fingerprint: Fingerprint of `provenance`.
        provenance: Everything the images depend on.
        image_shape: (H, W, C).
        label_names: Class names in label order.
        stacks: Provenance of the stacks the images are drawn from; `None`
            for images made by another program.
        encoder: `source`, `sha256`, `layers`, `max_tokens`, `gelu`,
            `pooling` and `dtype` of the encoder that made the stacks; `None`
            where `stacks` is.
        files: Name to sha256 of the pixel map's files in the workdir.
    """

    fingerprint: str
    provenance: dict[str, Any]
    image_shape: tuple[int, int, int]
    label_names: tuple[str, ...]
    stacks: dict[str, Any] | None
    encoder: dict[str, Any] | None
    files: dict[str, str]

    @classmethod
    def load(cls, workdir: pathlib.Path) -> Self:
        """Reads what `keep` wrote, and checks that it belongs together.

        Raises:
            FileNotFoundError: If it or a file of the map is missing.
            ValueError: If a file is damaged or belongs to other records.
        """
        path = workdir / RECORDS_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"{workdir} holds no {RECORDS_FILE}: not a run of this "
                "version. Name a --workdir of trainers.run, or run its "
                "training command again: that adds the file without training."
            )
        try:
            value = json_files.read(path, ("format_version",), cure=_CURE)
            if (version := value.pop("format_version")) != FORMAT_VERSION:
                raise TypeError(f"format_version is {version}")
            value["image_shape"] = tuple(value["image_shape"])
            value["label_names"] = tuple(value["label_names"])
            origin = cls(**value)
            origin._check(path)
            origin._check_files(workdir)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is damaged ({error!r}). {_CURE}"
            ) from error
        return origin

    def _check(self, path: paths.Path) -> None:
        """Checks that its parts belong together, as read from a file."""
        claims: list[tuple[str, dict[str, Any], str | None]] = [
            ("image records", self.provenance, self.fingerprint)
        ]
        if self.stacks is not None:
            claims.append(("stacks", self.stacks, self.provenance.get("cls")))
        for name, provenance, expected in claims:
            _check_fingerprint(f"{path}: {name}", provenance, expected)
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
                        f"{path}: the encoder's {name} "
                        f"must be {stacks.get(other)}, as for the stacks. "
                        f"Received: {self.encoder[name]}. The file was edited."
                    )

    def _check_files(self, workdir: pathlib.Path) -> None:
        """Checks the files of the map."""
        for name, sha256 in self.files.items():
            path = workdir / name
            if not path.is_file():
                raise FileNotFoundError(
                    f"{path} is missing. Run the training command again: that "
                    "copies it from the records."
                )
            received = hashes.sha256_of_file(path)
            if received != sha256:
                raise ValueError(
                    f"{path} must have the sha256 {sha256}. Received: "
                    f"{received}. It was changed; run the training command "
                    "again: that copies it from the records."
                )
        if self.files:
            value = json_files.read(workdir / _MAP_JSON_FILE, cure=_CURE)
            provenance = {
                name: value[name]
                for name in value
                if name not in (*_ADDED_BY_FIT, "format_version")
            }
            _check_fingerprint(
                str(workdir / _MAP_JSON_FILE), provenance, self.fingerprint
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
    records: paths.Path, manifest: schema.Manifest, workdir: pathlib.Path
) -> None:
    """Copies into the workdir what a run needs of its records.

    Args:
        records: Directory of the `image` records.
        manifest: Manifest of these records.
        workdir: Directory of the run.

    Raises:
        ValueError: If the manifest is damaged, or a file of the pixel map does
            not have the sha256 that it gives. The workdir stays as it was.
    """
    map_files = {
        name: manifest.files[name]
        for name in (MAP_FILE, _MAP_JSON_FILE)
        if name in manifest.files
    }
    origin = Origin(
        fingerprint=manifest.fingerprint,
        provenance=manifest.provenance,
        image_shape=manifest.schema.shape,  # type: ignore[arg-type]
        label_names=manifest.schema.label_names,
        stacks=manifest.details.get("stacks"),
        encoder=manifest.details.get("encoder"),
        files=map_files,
    )
    path = records / schema.MANIFEST
    try:
        origin._check(path)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged ({error!r}). Delete the directory and build "
            "the records again."
        ) from error
    value = {"format_version": FORMAT_VERSION, **dataclasses.asdict(origin)}
    text = json.dumps(value, indent=2, sort_keys=True)
    contents = {RECORDS_FILE: text.encode()}
    for name, sha256 in map_files.items():
        content = (records / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(
                f"{records / name} must have the sha256 {sha256}, as the "
                "manifest says: it was changed. Delete the directory and "
                "build the records again."
            )
        contents[name] = content
    for name, content in contents.items():
        files.write_bytes(workdir / name, content)
    FileList.of_run(workdir).record(contents)
