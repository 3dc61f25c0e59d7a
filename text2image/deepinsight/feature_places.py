"""Where the features of a table go: channels, and the table of a fitted map."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from text2image import options
from text2image.deepinsight.pixel_map import PixelMap


def channels_of(channels: Any, features: int) -> np.ndarray:
    """Returns the channel of each feature, `(F,)` integers.

    Args:
        channels: Key of `options.NUM_CHANNELS`, which divides the features, in
            their order, into equal runs; or an array of F channels.
        features: F.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(channels, str):
        if channels not in options.NUM_CHANNELS:
            raise ValueError(
                f"`channels` must be one of {tuple(options.NUM_CHANNELS)} or "
                f"an array. Received: {channels!r}"
            )
        return np.arange(features) * options.NUM_CHANNELS[channels] // features
    array = np.asarray(channels)
    is_whole = np.issubdtype(array.dtype, np.integer)
    if array.shape != (features,) or not is_whole or array.min() < 0:
        raise ValueError(
            f"`channels` must be ({features},) whole numbers from 0. Received: "
            f"{channels!r}"
        )
    return array


def table(fitted: PixelMap, names: Iterable[Any]) -> np.ndarray:
    """Returns `(F,)`: `feature`, `row`, `column` and `channel` of each.

    Args:
        fitted: The map.
        names: Names of its features.
    """
    fields = ("row", "column", "channel")
    places = np.empty(
        fitted.num_features,
        [("feature", object), *((name, np.int32) for name in fields)],
    )
    places["feature"] = list(names)
    places["row"], places["column"] = fitted.coords.T
    places["channel"] = fitted.channel
    return places
