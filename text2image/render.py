"""Feature rows to pictures, in batches."""

import math

import numpy as np
import scipy.sparse

from text2image import pixel_map

# Rows scaled and drawn at a time: few enough for a block to stay in the
# processor's cache (32 x 4,608 floats are 0.6 MB). Moves no bit.
_BLOCK = 32


class Renderer:
    """Scales rows and averages the features of each pixel.

    The averaging matrix is made once; `render` may be called per batch.
    """

    def __init__(self, fitted: pixel_map.PixelMap) -> None:
        """Prepares to draw with a map and its scaler."""
        self._scaler = fitted.scaler
        self._image_shape = fitted.image_shape
        self._matrix: scipy.sparse.csr_matrix = fitted.averaging_matrix()

    def render(self, rows: np.ndarray) -> np.ndarray:
        """Draws pictures.

        Args:
            rows: `(N, F)` raw features, or stacks `(N, L, D)`.

        Returns:
            `(N, H, W, C)` float32 in [0, 1]; pixels that show no feature are 0.

        Raises:
            ValueError: If the number of features is not the map's, or a
                value is not finite.
        """
        # Not -1: it cannot be told from no rows.
        rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        pixels = np.empty((len(rows), self._matrix.shape[0]), np.float32)
        for start in range(0, max(len(rows), 1), _BLOCK):
            block = slice(start, start + _BLOCK)
            scaled = self._scaler.transform(rows[block], first_row=start)
            # The sparse product reads columns: lay them out once.
            features = np.ascontiguousarray(scaled.T)
            pixels[block] = (self._matrix @ features).T
        return pixels.reshape(len(rows), *self._image_shape)
