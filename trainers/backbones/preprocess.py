"""RGB images to the input of a backbone, in numpy."""

import numpy as np

from trainers import backbones


def preprocess(
    images: np.ndarray, preprocessing: backbones.Preprocessing
) -> np.ndarray:
    """Scales, shifts and orders the channels as the weights expect.

    Args:
        images: RGB, `(..., H, W, 3)` float32 in [0, 1].
        preprocessing: Value of `backbones.PREPROCESSING`.

    Returns:
        `(..., H, W, 3)` float32.
    """
    scale = np.array(preprocessing.scale, "float32")
    offset = np.array(preprocessing.offset, "float32")
    scaled = images * scale + offset
    return scaled[..., ::-1] if preprocessing.bgr else scaled
