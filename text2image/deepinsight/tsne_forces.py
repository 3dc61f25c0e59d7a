"""Both sums of t-SNE's gradient over all pairs of points, compiled by numba.

Each pair is visited once: what attracts and repels i adds to the sums of i and
is taken from those of j. Affinities are the only large array, so only their
upper triangle is kept, cut into square tiles, each of them contiguous.
"""

from concurrent import futures

import numba
import numpy as np

from text2image import cpu

# Points per side of a tile. Its sums fit into the first cache, and it divides
# BERT's hidden sizes (384, 768, 1024 nearly), so little is padded.
_TILE = 384
# Coordinate of padding: its weight vanishes beside 1, its square is finite.
_FAR = np.float32(1e18)
# Tasks per thread and step: few, as each takes 15 us, but several, so that a
# thread that is held up delays the others less.
_TASKS = 4


class PairForces:
    """The forces between points whose affinities do not change."""

    def __init__(self, joint: np.ndarray, pool: futures.Executor) -> None:
        """Cuts the affinities into tiles.

        Args:
            joint: Affinities p_ij, `(F, F)` float32, symmetric.
            pool: Threads that share the tiles.
        """
        self._pool = pool
        self._num_points = len(joint)
        count = -(-len(joint) // _TILE)
        rows, columns = np.triu_indices(count)
        self._blocks = np.column_stack([rows, columns])
        self._tiles = np.zeros((len(rows), _TILE, _TILE), np.float32)
        for tile, (row, column) in zip(self._tiles, self._blocks, strict=True):
            part = joint[_block(row), _block(column)]
            tile[: part.shape[0], : part.shape[1]] = part
        # By block, by block of the other points: sums of every point.
        self._sums = np.zeros((count, count, 4, _TILE), np.float32)
        self._weights = np.zeros(len(rows))
        self._padded = np.full((2, count * _TILE), _FAR)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Computes both sums of the gradient, equation 5.

        With w_ij = 1 / (1 + |y_i - y_j|^2) and Z the sum of all w_ij, these are
        the sums over j of p_ij w_ij (y_i - y_j) and of w_ij^2 (y_i - y_j) / Z.
        No bit depends on the number of threads: every tile has sums of its
        own, which are added in a fixed order.

        Args:
            points: Coordinates, `(F, 2)`.

        Returns:
            Attraction and repulsion, `(F, 2)` float32 each.
        """
        self._padded[:, : self._num_points] = points.T
        tasks = min(_TASKS * cpu.count(), len(self._tiles))
        list(self._pool.map(self._sum_tiles, range(tasks), [tasks] * tasks))
        sums = self._sums.sum(axis=1).transpose(0, 2, 1).reshape(-1, 4)
        sums = sums[: self._num_points]
        # Without the diagonal, whose weights are 1.
        weights = self._weights.sum() - self._num_points
        return sums[:, :2], sums[:, 2:] / np.float32(weights)

    def _sum_tiles(self, first: int, step: int) -> None:
        _sum_tiles(
            self._tiles,
            self._blocks,
            self._padded,
            self._num_points,
            self._sums,
            self._weights,
            first,
            step,
        )


def _block(number: int) -> slice:
    return slice(number * _TILE, (number + 1) * _TILE)


# Allows reordered sums and fused multiply-adds: the loop is not vectorised
# without both. Divisions stay exact: their approximation gains nothing.
# Plain loops throughout: numba takes two seconds to compile slices.
@numba.njit(nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def _sum_tiles(
    tiles: np.ndarray,
    blocks: np.ndarray,
    points: np.ndarray,
    num_points: int,
    sums: np.ndarray,
    weights: np.ndarray,
    first: int,
    step: int,
) -> None:
    """Sums p w (y_i - y_j), w^2 (y_i - y_j) and w over every `step`-th tile.

    Args:
        tiles: Affinities of the pairs of two blocks, `(T, n, n)` float32.
        blocks: Numbers of these blocks, `(T, 2)`, the lesser one first.
        points: Coordinates, padded to B whole blocks, `(2, B * n)` float32.
        num_points: Number of points without padding.
        sums: Output, `(B, B, 4, n)` float32: two and two sums for each point of
            the first block over all points of the second.
        weights: Output, `(T,)` float64: sum of w over the pairs, both ways.
        first: First tile.
        step: Distance to the next one.
    """
    one = np.float32(1)
    # x and y of the points j, then their four sums. A single array, because
    # the loop would have to test whether several overlap.
    work = np.empty(6 * _TILE, np.float32)
    for tile in range(first, len(tiles), step):
        block, other = blocks[tile, 0], blocks[tile, 1]
        for j in range(_TILE):
            work[j] = points[0, other * _TILE + j]
            work[_TILE + j] = points[1, other * _TILE + j]
        for j in range(2 * _TILE, 6 * _TILE):
            work[j] = 0
        weights[tile] = 0
        for i in range(min(_TILE, num_points - block * _TILE)):
            x_i = points[0, block * _TILE + i]
            y_i = points[1, block * _TILE + i]
            pulled_x = pulled_y = pushed_x = pushed_y = total = np.float32(0)
            for j in range(_TILE):
                x = x_i - work[j]
                y = y_i - work[_TILE + j]
                weight = one / (one + x * x + y * y)
                total += weight
                pull = tiles[tile, i, j] * weight
                push = weight * weight
                pulled_x += pull * x
                pulled_y += pull * y
                pushed_x += push * x
                pushed_y += push * y
                work[2 * _TILE + j] += pull * x
                work[3 * _TILE + j] += pull * y
                work[4 * _TILE + j] += push * x
                work[5 * _TILE + j] += push * y
            sums[block, other, 0, i] = pulled_x
            sums[block, other, 1, i] = pulled_y
            sums[block, other, 2, i] = pushed_x
            sums[block, other, 3, i] = pushed_y
            weights[tile] += total
        if block != other:  # a block with itself has every pair twice
            weights[tile] *= 2
            for axis in range(4):
                for j in range(_TILE):
                    total = work[(2 + axis) * _TILE + j]
                    sums[other, block, axis, j] = -total
