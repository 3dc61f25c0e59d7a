"""Both sums of t-SNE's gradient over all pairs of points, on a GPU."""

import numpy as np
import tensorflow as tf

# Pairs whose differences are in memory at a time: 64 MiB per array.
_PAIRS = 1 << 24


class PairForces:
    """What `tsne_forces.PairForces` computes, by TensorFlow.

    Sums run over whole rows and are reduced in a fixed order, so the same
    device gives the same bytes; another device rounds differently.
    """

    def __init__(
        self, joint: np.ndarray, device: str = "GPU:0", pairs: int = _PAIRS
    ) -> None:
        """Places the affinities on the device.

        Args:
            joint: Affinities p_ij, `(F, F)` float32.
            device: TensorFlow's name of the device.
            pairs: Number of pairs at a time, at least one row of them.

        Raises:
            ValueError: If there is no such device.
        """
        kind = device.partition(":")[0]
        # TensorFlow itself would use another device instead.
        if not tf.config.list_logical_devices(kind):
            raise ValueError(
                f"`device` must exist. Received: {device!r}, and TensorFlow "
                f"sees no {kind}. Use the CPU (`device='cpu'`)."
            )
        self._device = device
        rows = max(1, pairs // len(joint))
        self._starts = range(0, len(joint), rows)
        with tf.device(device):
            self._blocks = [
                tf.constant(joint[start : start + rows])
                for start in self._starts
            ]
        self._forces = tf.function(self._sum_pairs, autograph=False)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Computes both sums of the gradient, equation 5.

        Args:
            points: Coordinates, `(F, 2)`.

        Returns:
            Attraction and repulsion, `(F, 2)` float32 each.
        """
        with tf.device(self._device):
            forces = self._forces(tf.constant(points, tf.float32)).numpy()
        # Without the diagonal, whose weights are 1.
        weights = forces[:, 4].sum(dtype=np.float64) - len(points)
        return forces[:, :2], forces[:, 2:4] / np.float32(weights)

    def _sum_pairs(self, points: tf.Tensor) -> tf.Tensor:
        """Returns `(F, 5)`: p w (y_i - y_j), w^2 (y_i - y_j), w over j."""
        sums = []
        for start, joint in zip(self._starts, self._blocks, strict=True):
            rows = points[start : start + len(joint)]
            x, y = (rows[:, axis, None] - points[:, axis] for axis in range(2))
            weight = 1.0 / (1.0 + x * x + y * y)
            pull, push = joint * weight, weight * weight
            parts = (pull * x, pull * y, push * x, push * y, weight)
            sums.append(
                tf.stack([tf.reduce_sum(part, axis=1) for part in parts], 1)
            )
        return tf.concat(sums, axis=0)
