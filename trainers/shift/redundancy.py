"""How far the feature maps of a slice repeat one another."""

import dataclasses

import numpy as np

# Two maps with at least this absolute correlation are called twins.
TWIN = 0.95


class Moments:
    """Means and products of the maps, summed over positions and images."""

    def __init__(self, num_maps: int) -> None:
        """Starts with no position."""
        self._count = 0
        self._sum = np.zeros(num_maps)
        self._products = np.zeros((num_maps, num_maps))

    def add(self, maps: np.ndarray) -> None:
        """Adds feature maps `(n, h, w, M)`."""
        values = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
        self._count += len(values)
        self._sum += values.sum(axis=0)
        self._products += values.T @ values

    def covariance(self) -> np.ndarray:
        """Returns the covariance of the maps, `(M, M)`."""
        mean = self._sum / self._count
        return self._products / self._count - np.outer(mean, mean)


@dataclasses.dataclass(frozen=True)
class Redundancy:
    """What the correlations of the maps say; constant maps have none.

    Attributes:
        num_varying: Maps that are not constant.
        effective_rank: Of these, standardised: from 1, if all are one, to
            their number, if none correlates with another.
        mean_correlation: Mean absolute correlation of two of them.
        twins: Share of them that have a twin.
    """

    num_varying: int
    effective_rank: float
    mean_correlation: float
    twins: float


def redundancy(covariance: np.ndarray) -> Redundancy:
    """Summarises the covariance of maps, `(M, M)`."""
    variances = np.diag(covariance)
    # Rounding of the sums leaves a little of what is constant.
    varies = variances > 1e-10 * max(variances.max(initial=0.0), 1e-300)
    count = int(varies.sum())
    if count < 2:
        return Redundancy(count, float(count), 0.0, 0.0)
    deviations = np.sqrt(variances[varies])
    correlation = covariance[np.ix_(varies, varies)] / np.outer(
        deviations, deviations
    )
    others = np.abs(correlation - np.diag(np.diag(correlation)))
    return Redundancy(
        num_varying=count,
        effective_rank=effective_rank(
            np.sqrt(np.linalg.eigvalsh(correlation).clip(0))
        ),
        mean_correlation=float(others.sum() / (count * (count - 1))),
        twins=float((others.max(axis=0) >= TWIN).mean()),
    )


def effective_rank(singular_values: np.ndarray) -> float:
    """Returns exp of the entropy of the singular values' shares.

    n equal ones and any number of zeros give n.

    Source: Roy and Vetterli 2007, "The effective rank", EUSIPCO.
    """
    shares = singular_values[singular_values > 0]
    shares = shares / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
