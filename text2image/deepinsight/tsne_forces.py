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


@numba.njit(nogil=True)
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
    """Sums the pairs of every `step`-th tile.

    Args:
        tiles: Affinities of the pairs of two blocks, `(T, n, n)` float32.
        blocks: Numbers of these blocks, `(T, 2)`, the lesser one first.
        points: Coordinates, padded to whole blocks, `(2, B * n)` float32.
        num_points: Number of points that are no padding.
        sums: Output, `(B, B, 4, n)` float32: `_sum_tile`'s sums of the points
            of the first block with those of the second.
        weights: Output, `(T,)` float64: sum of w over the pairs, both ways.
        first: First tile.
        step: Distance of the next one.
    """
    # x and y of the points j, and their four sums: see `_sum_tile`.
    work = np.empty(6 * _TILE, np.float32)
    for tile in range(first, len(tiles), step):
        block, other = blocks[tile]
        start, end = block * _TILE, min((block + 1) * _TILE, num_points)
        columns = slice(other * _TILE, (other + 1) * _TILE)
        work[:_TILE] = points[0, columns]
        work[_TILE : 2 * _TILE] = points[1, columns]
        work[2 * _TILE :] = 0
        total = _sum_tile(
            tiles[tile],
            points[0, start:end],
            points[1, start:end],
            work,
            sums[block, other],
        )
        if block == other:  # has every pair twice
            weights[tile] = total
        else:
            weights[tile] = 2 * total
            for column in range(4):
                begin = (2 + column) * _TILE
                sums[other, block, column] = -work[begin : begin + _TILE]


# Allows reordered sums and fused multiply-adds: the loop is not vectorised
# without both. Divisions stay exact: their approximation gains nothing.
@numba.njit(nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")
def _sum_tile(
    joint: np.ndarray,
    horizontal: np.ndarray,
    vertical: np.ndarray,
    work: np.ndarray,
    sums: np.ndarray,
) -> float:
    """Sums p w (y_i - y_j) and w^2 (y_i - y_j) over j, per i, and over i, per j.

    Args:
        joint: Affinities p_ij, `(n, n)` float32.
        horizontal: First coordinates of the points i, `(m,)` float32, m <= n.
        vertical: Second coordinates of the points i, `(m,)` float32.
        work: Coordinates of the points j, two times n, and their sums, four
            times n, to add to, `(6 * n,)` float32. In a single array, because
            it saves the compiled loop a test whether these overlap.
        sums: Output, `(4, n)` float32: the sums of the points i.

    Returns:
        The sum of all w.
    """
    one = np.float32(1)
    weights = 0.0
    for i in range(len(horizontal)):
        pulled_x = pulled_y = pushed_x = pushed_y = total = np.float32(0)
        for j in range(_TILE):
            x = horizontal[i] - work[j]
            y = vertical[i] - work[_TILE + j]
            weight = one / (one + x * x + y * y)
            total += weight
            pull = joint[i, j] * weight
            push = weight * weight
            pulled_x += pull * x
            pulled_y += pull * y
            pushed_x += push * x
            pushed_y += push * y
            work[2 * _TILE + j] += pull * x
            work[3 * _TILE + j] += pull * y
            work[4 * _TILE + j] += push * x
            work[5 * _TILE + j] += push * y
        sums[0, i], sums[1, i] = pulled_x, pulled_y
        sums[2, i], sums[3, i] = pushed_x, pushed_y
        weights += total
    return weights
