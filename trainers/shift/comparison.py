"""One sample against another, layer by layer."""

import dataclasses
from typing import Any

import numpy as np

from trainers.shift import mmd
from trainers.shift.probes import Probes, Reading
from trainers.shift.redundancy import redundancy


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a row is about.

    Attributes:
        backbone: Architecture of the slice.
        images: Kind of images: a variant of text images, or `NATURAL`,
            `OTHERS` or `GREY` of `samples`.
        normalization: That of these images.
    """

    backbone: str
    images: str
    normalization: str


Row = dict[str, Any]


def shifts(
    seen: Seen,
    probes: Probes,
    reading: Reading,
    natural: Reading,
    permutations: int,
    seed: int,
) -> list[Row]:
    """Compares a sample with natural images at every stage.

    Args:
        seen: What the sample is.
        probes: Where the slice was looked into.
        reading: The sample.
        natural: Natural images.
        permutations: Of each test.
        seed: Of the permutations.

    Returns:
        Rows with `mmd2` and `p` of `Reading.style`, each number in deviations
        of both samples; and `mean_shift`, `deviation_ratio` as of `distance`.
    """
    rows: list[Row] = []
    for stage in probes.stages:
        mmd2, p = mmd.permutation_test(
            *_scaled(reading.style(stage), natural.style(stage)),
            permutations,
            seed,
        )
        mean_shift, ratio = distance(
            *reading.statistics(stage), *natural.statistics(stage)
        )
        rows.append(
            dataclasses.asdict(seen)
            | {
                "layer": stage,
                "mmd2": mmd2,
                "p": p,
                "mean_shift": mean_shift,
                "deviation_ratio": ratio,
            }
        )
    return rows


def _scaled(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Divides by the deviation of both samples: the test may swap images."""
    scale = np.concatenate([first, second]).std(axis=0)
    scale[scale == 0] = 1.0
    return first / scale, second / scale


def norm_shifts(seen: Seen, probes: Probes, reading: Reading) -> list[Row]:
    """Compares a sample with the statistics that batch norm keeps.

    Returns:
        A row per batch norm, with `mean_shift` and `deviation_ratio`.
    """
    rows: list[Row] = []
    for key, layer in probes.batch_norms.items():
        mean_shift, ratio = distance(
            *reading.statistics(key),
            np.asarray(layer.moving_mean, np.float64),
            np.asarray(layer.moving_variance, np.float64) + layer.epsilon,
        )
        rows.append(
            dataclasses.asdict(seen)
            | {
                "layer": layer.name,
                "mean_shift": mean_shift,
                "deviation_ratio": ratio,
            }
        )
    return rows


def dead_rectifiers(seen: Seen, probes: Probes, reading: Reading) -> list[Row]:
    """Returns a row per rectifier, with `zeros` and `dead` channels."""
    rows: list[Row] = []
    for key in probes.rectifiers:
        zeros, dead = reading.zeros(key)
        row = dataclasses.asdict(seen)
        channels = reading.summaries[key].shape[-1]
        rows.append(
            row
            | {
                "layer": key,
                "channels": channels,
                "zeros": zeros,
                "dead": dead,
            }
        )
    return rows


def repeated_maps(seen: Seen, reading: Reading) -> Row:
    """Returns a row about the feature maps; see `redundancy.Redundancy`."""
    found = redundancy(reading.covariance)
    return {
        **dataclasses.asdict(seen),
        "maps": len(reading.covariance),
        **dataclasses.asdict(found),
    }


def distance(
    mean: np.ndarray,
    variance: np.ndarray,
    other_mean: np.ndarray,
    other_variance: np.ndarray,
) -> tuple[float, float]:
    """Measures how far statistics of channels are from others.

    Channels without variance in either are left out.

    Args:
        mean: `(C,)`.
        variance: `(C,)`.
        other_mean: `(C,)`.
        other_variance: `(C,)`.

    Returns:
        Of the median channel, the difference of means in units of the other
        deviation, and the factor between deviations, at least 1.
    """
    used = (variance > 0) & (other_variance > 0)
    if not used.any():
        return 0.0, 1.0
    differences = (mean - other_mean)[used] / np.sqrt(other_variance[used])
    logs = np.log(variance[used] / other_variance[used]) / 2
    return (
        float(np.median(np.abs(differences))),
        float(np.exp(np.median(np.abs(logs)))),
    )
