"""What the data are: one paragraph from the details of their manifest."""

from collections.abc import Mapping
from typing import Any

from tfrecords import paths, reader
from tfrecords.stages import audit_log
from trainers.reports import markdown

# Most characters of the list of what is not used, which names classes.
_MOST = 600


def read_details(records: paths.Path, kind: str) -> Mapping[str, Any]:
    """Details of the records' manifest; none if the records are gone."""
    try:
        return reader.open_records(records, kind=kind).details
    except (OSError, ValueError):
        return {}


def data_section(details: Mapping[str, Any], noun: str = "text") -> list[str]:
    """Describes the data, as far as their manifest states it.

    Args:
        details: Details of the manifest; those of older records lack some.
        noun: What an example is called.

    Returns:
        Lines of Markdown: a paragraph and an empty line, or none.
    """
    sentences = [
        *_corpus(details.get("audit") or {}, noun),
        *_vectors(details),
        *_tokens(details, noun),
    ]
    return [f"Data: {' '.join(sentences)}", ""] if sentences else []


def _corpus(audit: Mapping[str, Any], noun: str) -> list[str]:
    if not audit:
        return []
    repeats = markdown.count(audit["repeats"]["all"], "exact repeat")
    exceptions = markdown.plain(audit_log.exceptions(dict(audit), noun), _MOST)
    sentences = [
        f"{markdown.count(audit['num_examples'], noun)} with a label, "
        f"{repeats}{exceptions}."
    ]
    contradictions = audit.get("contradictions")
    if contradictions and contradictions["texts"]:
        sentences.append(
            f"{markdown.count(contradictions['texts'], 'text')} with "
            f"contradicting labels, in {contradictions['rows']:,} rows."
        )
    if audit.get("left_out"):
        sentences.append(
            f"{markdown.count(audit['left_out'], noun)} in no split: beyond a "
            "limit, in a part that is not used, or copies of held-out ones."
        )
    return sentences


def tuning(encoder: Mapping[str, Any] | None) -> str:
    """How an encoder was tuned, as a manifest describes it; else nothing."""
    tuned = (encoder or {}).get("tuned")
    if not tuned:
        return ""
    epochs = markdown.count(tuned["epochs"], "epoch")
    texts = markdown.count(tuned["num_texts"], "train text")
    return f"tuned for {epochs} on {texts}"


def _vectors(details: Mapping[str, Any]) -> list[str]:
    """The file of vectors that stands for an encoder; or how it was tuned."""
    path = details.get("vectors")
    if path:
        return [f"Stacks of `{path}`, no encoder."]
    tuned = tuning(details.get("encoder"))
    return [f"The encoder was {tuned}."] if tuned else []


def _tokens(details: Mapping[str, Any], noun: str) -> list[str]:
    """Length and truncation of the texts, and what the encoder can read."""
    sentences = []
    # Records made before these were counted have none of them, or `None`.
    mean = details.get("mean_tokens")
    cut = details.get("truncated_share")
    unknown = details.get("unknown_share")
    if mean is not None and cut is not None:
        sentences.append(
            f"{mean:.0f} tokens per {noun} on average, {cut:.1%} of the "
            f"{noun}s cut."
        )
    if unknown is not None:
        sentences.append(
            f"{unknown:.1%} of the tokens are unknown to the encoder."
        )
    return sentences
