"""What the log says about a corpus: its size, its repeats, its faults."""

import pathlib
from typing import Any

from absl import logging

from text2image.corpora import bad_rows, labels
from tfrecords.stages.encoded_records import DROPPED


def log_texts(audit: dict[str, Any], noun: str = "text") -> None:
    """Logs the audit of a corpus; older ones lack some counts.

    `noun` is what an example is called.
    """
    repeats = ", ".join(
        f"{count} {name.replace('_', ' ')}"
        for name, count in audit["repeats"].items()
        if name != "all"
    )
    logging.info(
        "corpus: %d %ss, %d exact repeats (%s)%s; train %s, validation %s",
        audit["num_examples"],
        noun,
        audit["repeats"]["all"],
        repeats,
        exceptions(audit, noun),
        labels.counted(audit["train"]),
        labels.counted(audit["validation"]),
    )
    warn(audit)


def warn(audit: dict[str, Any]) -> None:
    """Warns of what is probably wrong in a corpus."""
    _warn_of_contradictions(audit)
    _warn_of_alike_classes(audit)


def exceptions(audit: dict[str, Any], noun: str = "text") -> str:
    """Writes what is not used, and why, after a comma; empty if all is.

    `noun` is what an example is called.
    """
    entries = [
        f"{count} unlabelled in {part}"
        for part, count in audit.get("unlabelled", {}).items()
    ]
    dropped = audit.get("dropped")
    if dropped:
        entries.append(f"dropped {bad_rows.described(dropped)}")
    for key, reason in (
        ("small_classes", f"too few {noun}s"),
        ("empty_classes", f"no {noun}"),
    ):
        names = audit.get(key)
        if names:
            classes = "class" if len(names) == 1 else "classes"
            entries.append(
                f"{len(names)} {classes} with {reason} left out "
                f"({labels.listed(names)})"
            )
    merged = audit.get("merged")
    if merged:
        spelled = "spelling" if len(merged) == 1 else "spellings"
        entries.append(f"{len(merged)} {spelled} of labels merged")
    return "".join(f", {entry}" for entry in entries)


def _warn_of_contradictions(audit: dict[str, Any]) -> None:
    """Warns if equal texts have different labels; names the first."""
    counts = audit.get("contradictions", {"texts": 0})
    if not counts["texts"]:
        return
    first = counts["first"]
    logging.warning(
        "corpus: %d texts with contradicting labels, in %d rows; the first: "
        "%s in row %s, %s in row %s: %s",
        counts["texts"],
        counts["rows"],
        labels.shown(first["labels"][0]),
        first["ids"][0],
        labels.shown(first["labels"][1]),
        first["ids"][1],
        first["text"],
    )


def _warn_of_alike_classes(audit: dict[str, Any]) -> None:
    """Warns of classes that look alike and are kept apart nevertheless."""
    for group in audit.get("alike_classes", ()):
        logging.warning(
            "corpus: classes that look alike: %s; --merge_labels makes one "
            "of them",
            labels.listed(group),
        )


def log_faults(faults: bad_rows.Tally, directory: pathlib.Path) -> None:
    """Lists the first rows that are dropped, and where all of them are."""
    if not faults.causes:
        return
    logging.warning(
        "dropped: %s; all are listed in %s. The first:",
        bad_rows.described(faults.causes),
        directory / DROPPED,
    )
    for fault in faults.first:
        logging.warning("dropped: %s: %s", fault.place, fault.cause)
