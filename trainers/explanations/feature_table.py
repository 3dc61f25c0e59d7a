"""Which features matter: contributions of many texts, feature by feature."""

from collections.abc import Sequence

import numpy as np

from text2image.deepinsight.pixel_map import PixelMap
from trainers.serving import formats


def class_means(
    values: np.ndarray, classes: np.ndarray, num_classes: int
) -> np.ndarray:
    """Averages the rows of each class.

    Args:
        values: `(N, ...)`.
        classes: Class of each row, `(N,)` integers.
        num_classes: K.

    Returns:
        `(K, ...)`, NaN for a class without rows.
    """
    means = np.full((num_classes, *values.shape[1:]), np.nan)
    for number in np.unique(classes):
        means[number] = values[classes == number].mean(axis=0)
    return means


def compose(
    features: np.ndarray,
    classes: np.ndarray,
    label_names: Sequence[str],
    layers: Sequence[int],
    pixel_map: PixelMap,
) -> str:
    """Composes features.csv: the features that matter most come first.

    So the 100 most important features are the first 100 rows.

    Args:
        features: Contributions to the explained class of N texts,
            `(N, L, D)`.
        classes: The class that is explained, `(N,)`.
        label_names: Class names in label order.
        layers: BERT layers of the L rows.
        pixel_map: Map of the F = L * D features.
    """
    rows = features.reshape(len(features), -1)  # (N, F)
    sizes = np.abs(rows).mean(axis=0)
    means = class_means(rows, classes, len(label_names))  # (K, F)
    lines: list[Sequence[object]] = [
        (
            *("feature", "layer", "dimension", "row", "column", "channel"),
            "mean_size",
            *(f"mean_{name}" for name in label_names),
        )
    ]
    for feature in np.argsort(-sizes, kind="stable"):
        layer, dimension = divmod(int(feature), features.shape[2])
        lines.append(
            (
                *(feature, layers[layer], dimension),
                *pixel_map.coords[feature],
                pixel_map.channel[feature],
                f"{sizes[feature]:.6g}",
                *(
                    "" if np.isnan(mean) else f"{mean:.6g}"
                    for mean in means[:, feature]
                ),
            )
        )
    return formats.rows(lines)
