"""A card of a set of records: what is in it, and what is not known."""

import pathlib
from collections.abc import Mapping
from typing import Any

from tfrecords import files, paths, schema

FILE = "card.md"

_KINDS = {
    "cls": "BERT vectors of labelled texts, with the texts",
    "image": "DeepInsight images of labelled texts, without the texts",
    "multimodal": "Images with their texts, and vectors of the texts",
}
# Of `--stacks`, whose rows may be of any table.
_OF_VECTORS = {
    "cls": "Vectors of labelled rows",
    "image": "DeepInsight images of labelled rows",
}
_MOST_CLASSES = 20


def write(directory: paths.Path, name: str, manifest: schema.Manifest) -> None:
    """Writes `card.md`; the same manifest gives the same bytes.

    Args:
        directory: Directory to write to.
        name: Name of the set.
        manifest: Its manifest.
    """
    files.write_text(directory / FILE, compose(name, manifest))


def compose(name: str, manifest: schema.Manifest) -> str:
    """Returns the card as Markdown."""
    details = manifest.details
    kind, shape = manifest.schema.kind, manifest.schema.shape
    kinds = _OF_VECTORS if "vectors" in details else _KINDS
    stacks = details.get("stacks") or manifest.provenance
    lines = [
        f"# {name}",
        "",
        f"{kinds[kind]}: `{manifest.schema.array}` {shape} "
        f"float32. Fingerprint {manifest.fingerprint}.",
        "",
        "## Data",
        "",
        f"- Corpus: `{pathlib.PurePath(str(stacks.get('corpus', '?'))).name}`, "
        f"sha256 {stacks.get('corpus_sha256', 'not recorded')}",
        *_splits(manifest),
        *_audit(details.get("audit") or {}),
        *_encoder(details.get("encoder")),
        *_tokens(details),
        "- Licence: that of the corpus, which is not known here",
        "",
        "## Use",
        "",
        "Made for training and comparing classifiers. Read it with "
        "`tfds.builder_from_directory`; `croissant.json` describes the files.",
        "",
        "## Limits",
        "",
        "- Texts are as the corpus has them: nothing was removed, personal "
        "data among them.",
        *_limits(kind),
        "- Labels were not checked.",
    ]
    return "\n".join([*lines, ""])


def _splits(manifest: schema.Manifest) -> list[str]:
    audit = manifest.details.get("audit") or {}
    lines = []
    for split in manifest.splits:
        sizes = audit.get(split) or {}
        shown = ", ".join(
            f"{label} {size:,}"
            for label, size in list(sizes.items())[:_MOST_CLASSES]
        )
        more = len(sizes) - _MOST_CLASSES
        classes = f" ({shown}{f', {more} more' if more > 0 else ''})"
        lines.append(
            f"- {split}: {manifest.num_examples(split):,} examples"
            f"{classes if sizes else ''}"
        )
    return lines


def _audit(audit: Mapping[str, Any]) -> list[str]:
    if not audit:
        return []
    repeats = (audit.get("repeats") or {}).get("all")
    lines = []
    if repeats is not None:
        lines.append(f"- Exact repeats: {repeats:,}")
    contradictions = (audit.get("contradictions") or {}).get("texts")
    if contradictions:
        lines.append(f"- Texts with contradicting labels: {contradictions:,}")
    return lines


def _encoder(encoder: Mapping[str, Any] | None) -> list[str]:
    if not encoder:
        return ["- Encoder: none is recorded"]
    layers = f"layers {encoder['layers']}, " if "layers" in encoder else ""
    return [
        f"- Encoder: `{pathlib.PurePath(encoder['source']).name}`, {layers}"
        f"sha256 {encoder['sha256']}"
    ]


def _tokens(details: Mapping[str, Any]) -> list[str]:
    names = ("mean_tokens", "truncated_share", "unknown_share")
    mean, cut, unknown = (details.get(name) for name in names)
    if mean is None or cut is None or unknown is None:
        return []
    return [
        f"- Tokens per text: {mean:.0f} on average; {cut:.1%} of the texts "
        f"cut, {unknown:.1%} of the tokens unknown to the encoder"
    ]


def _limits(kind: str) -> list[str]:
    if kind != "image":
        return []
    return [
        "- Images are no protection: the vectors, and with them much of a "
        "text's meaning, can be read back from the pixels."
    ]
