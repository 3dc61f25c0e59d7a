"""A set of records described as Croissant, which mlcroissant reads.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html, 1.0.
"""

from collections.abc import Sequence
from typing import Any

from tfrecords import files, paths, schema
from tfrecords.shard_lists import Shard, ShardList

FILE = "croissant.json"

_VERSION = "http://mlcommons.org/croissant/1.0"
_TFRECORD = "application/x-tfrecord"
# Terms of the specification; the others are Croissant's own.
_TERMS = (
    *("citeAs", "column", "equivalentProperty", "examples", "extract"),
    *("field", "fileObject", "samplingRate"),
    *("fileProperty", "fileSet", "format", "includes", "isLiveDataset"),
    *("jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "separator", "source"),
    *("subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    **{term: f"cr:{term}" for term in _TERMS},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
_TYPES = {"id": "sc:Text", "label": "sc:Integer"}


def write(directory: paths.Path, name: str, manifest: schema.Manifest) -> None:
    """Writes `croissant.json`; the same manifest gives the same bytes.

    Args:
        directory: Directory to write to.
        name: Name of the set.
        manifest: Its manifest.
    """
    files.write_json(directory / FILE, describe(name, manifest))


def describe(name: str, manifest: schema.Manifest) -> dict[str, Any]:
    """Returns the description as JSON values.

    Shards are listed with sizes and sha256, unless the set lists them in files
    of its own; then each split is a set of files. No licence is stated: it is
    that of the corpus, which is not known here.
    """
    kind = manifest.schema.kind
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _VERSION,
        "name": name,
        "version": schema.VERSION,
        "description": f"TFRecords of kind {kind}: id, label and "
        f"{manifest.schema.array} {manifest.schema.shape} float32. Classes in "
        f"label order: {', '.join(manifest.schema.label_names)}. Fingerprint "
        f"{manifest.fingerprint}.",
        "distribution": [
            item
            for split, shards in manifest.splits.items()
            for item in _distribution(kind, split, shards)
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": split,
                "name": split,
                "description": f"{manifest.num_examples(split)} examples",
                "field": _fields(split, manifest.schema),
            }
            for split in manifest.splits
        ],
    }


def _distribution(
    kind: str, split: str, shards: Sequence[Shard]
) -> list[dict[str, Any]]:
    listed = [] if isinstance(shards, ShardList) else list(shards)
    return [
        *(
            {
                "@type": "cr:FileObject",
                "@id": shard.file,
                "name": shard.file,
                "contentUrl": shard.file,
                "contentSize": f"{shard.num_bytes} B",
                "encodingFormat": _TFRECORD,
                "sha256": shard.sha256,
            }
            for shard in listed
        ),
        {
            "@type": "cr:FileSet",
            "@id": f"{split}-files",
            "name": f"{split}-files",
            "encodingFormat": _TFRECORD,
            "includes": f"{kind}-{split}.tfrecord-*",
        },
    ]


def _fields(split: str, record_schema: schema.Schema) -> list[dict[str, Any]]:
    types = {
        **_TYPES,
        **dict.fromkeys(record_schema.strings, "sc:Text"),
        record_schema.array: "sc:Float",
    }
    jpeg = schema.JPEG.get(record_schema.kind)
    if jpeg:
        types[jpeg] = "sc:ImageObject"
    return [
        {
            "@type": "cr:Field",
            "@id": f"{split}/{name}",
            "name": name,
            "dataType": type_,
            "source": {
                "fileSet": {"@id": f"{split}-files"},
                "extract": {"column": name},
            },
            **({"repeated": True} if name == record_schema.array else {}),
        }
        for name, type_ in types.items()
    ]
