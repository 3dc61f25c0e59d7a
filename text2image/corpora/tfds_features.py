"""Which features of a TFDS dataset can be text or label, by their types."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


def flat(features: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yields features by name, after a dictionary those that it nests."""
    for key, feature in features.items():
        yield before + key, feature
        if hasattr(feature, "items"):
            yield from flat(feature, f"{before}{key}/")


def is_scalar(feature: Any) -> bool:
    """Whether a feature is one value per row."""
    return feature.shape == () and not hasattr(feature, "items")


def reasons(
    features: Mapping[str, Any], why_not: Callable[[Any], str]
) -> dict[str, str]:
    """Returns feature name to reason, of those that have one."""
    return {
        key: reason
        for key, feature in features.items()
        if (reason := why_not(feature))
    }


def why_not_text(feature: Any) -> str:
    """Says why a feature cannot be the text; empty if it can."""
    if hasattr(feature, "items"):
        return f"has parts; name one, as in a/b: {', '.join(sorted(feature))}"
    if isinstance(feature.shape, dict) or isinstance(feature.dtype, dict):
        return f"is no text but {_shown(feature)}"
    is_whole = np.issubdtype(_dtype(feature), np.integer)
    if is_whole and len(feature.shape) == 1:
        return (
            "is kept as ids of subwords, not as text. Use the config "
            "`plain_text` of the dataset, as in imdb_reviews/plain_text"
        )
    if not is_scalar(feature) or not _is_string(feature):
        return f"is no text but {_shown(feature)}"
    return ""


def why_not_label(feature: Any) -> str:
    """Says why a feature cannot be the label; empty if it can."""
    if hasattr(feature, "items"):
        return f"has parts; name one, as in a/b: {', '.join(sorted(feature))}"
    if not is_scalar(feature):
        return (
            "holds several values per text (multi-label), which is not "
            f"supported: {_shown(feature)}"
        )
    if np.issubdtype(_dtype(feature), np.floating):
        return (
            "is a float, a target of regression, which is not supported: "
            f"{_shown(feature)}"
        )
    return ""


def _dtype(feature: Any) -> Any:
    return np.dtype(feature.np_dtype)


def _is_string(feature: Any) -> bool:
    return _dtype(feature).kind in "OSU"


def _shown(feature: Any) -> str:
    return " ".join(str(feature).split())
