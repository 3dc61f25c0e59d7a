"""Feature rows to pictures, in batches."""

import math

import numpy as np
import scipy.sparse

from text2image import pixel_map


class Renderer:
    """Scales rows and averages the features of each pixel.

    The averaging matrix is made once; `render` may be called per batch.
    """

    def __init__(
        self, fitted: pixel_map.PixelMap, *, empty_value: float = 0.0
    ) -> None:
        """Prepares to draw with a map.

        Args:
            fitted: The map and its scaler.
            empty_value: Value of pixels that no feature maps to.
        """
        self._scaler = fitted.scaler
        self._image_shape = fitted.image_shape
        self._matrix: scipy.sparse.csr_matrix = fitted.averaging_matrix()
        self._empty = fitted.density().ravel() == 0
        self._empty_value = empty_value

    def render(self, rows: np.ndarray) -> np.ndarray:
        """Draws pictures.

        Args:
            rows: `(N, F)` raw features, or stacks `(N, L, D)`.

        Returns:
            `(N, H, W, 1)` float32; every occupied pixel is in [0, 1].

        Raises:
            ValueError: If the number of features is not the map's, or a
                value is not finite.
        """
        # Not -1: it cannot be told from no rows.
        rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        pixels = (self._matrix @ self._scaler.transform(rows).T).T
        if self._empty_value:
            pixels[:, self._empty] = self._empty_value
        return np.ascontiguousarray(pixels).reshape(
            len(rows), *self._image_shape, 1
        )
