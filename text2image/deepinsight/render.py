"""Drawing of feature rows as images, in batches."""

import math
from concurrent import futures

import numpy as np
import scipy.sparse

from text2image import cpu
from text2image.deepinsight import pixel_map

# Rows scaled and drawn at a time: few enough for a block to stay in the
# processor's cache (16 x 4,608 floats are 0.3 MB). Does not change the result.
_BLOCK = 16


class Renderer:
    """Scales rows and averages the features of each pixel.

    The averaging matrix is computed once; call `render` for every batch.
    """

    def __init__(self, fitted: pixel_map.PixelMap) -> None:
        """Prepares the scaler and the averaging matrix of a map."""
        self._scaler = fitted.scaler
        self._image_shape = fitted.image_shape
        self._matrix: scipy.sparse.csr_matrix = fitted.averaging_matrix()

    def render(self, rows: np.ndarray) -> np.ndarray:
        """Draws images.

        Args:
            rows: `(N, F)` raw features, or stacks `(N, L, D)`.

        Returns:
            `(N, H, W, C)` float32 in [0, 1]; pixels that show no feature are 0.

        Raises:
            ValueError: If the number of features differs from the map's, or a
                value is not finite.
        """
        # Not -1, which cannot be inferred from zero rows.
        rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        pixels = np.empty((len(rows), self._matrix.shape[0]), np.float32)

        def draw(starts: np.ndarray) -> None:
            # Reused memory is faster than new memory: no page faults.
            scaled = np.empty((_BLOCK, rows.shape[1]), np.float32)
            columns = np.empty((rows.shape[1], _BLOCK), np.float32)
            for start in starts.tolist():
                block = rows[start : start + _BLOCK]
                count = len(block)
                self._scaler.transform(
                    block, first_row=start, out=scaled[:count]
                )
                # The sparse product reads columns.
                columns.T[:count] = scaled[:count]
                drawn = self._matrix @ columns[:, :count]
                pixels[start : start + count] = drawn.T

        starts = np.arange(0, max(len(rows), 1), _BLOCK)
        threads = min(cpu.count(), len(starts))
        with futures.ThreadPoolExecutor(threads) as pool:
            # In order, so that an error names the first bad row.
            list(pool.map(draw, np.array_split(starts, threads)))
        return pixels.reshape(len(rows), *self._image_shape)
