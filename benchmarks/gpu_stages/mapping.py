"""The pixel map of as many features as six layers of BERT base have."""

from benchmarks import pixel_map
from benchmarks.gpu_stages import limits
from benchmarks.gpu_stages.activity import Meter
from benchmarks.gpu_stages.report import Report

_ROWS, _FEATURES = 2_000, 4_608
# Of t-SNE's gradient: distance 5, affinity 2, attraction and repulsion 4.
_OPERATIONS_PER_PAIR = 11
_ITERATIONS = 1_000


def run(report: Report, meter: Meter) -> None:
    """Fits the map once, by exact t-SNE."""
    limit = limits.measure()
    report.set(limits=limit)
    name = f"pixel map, {_FEATURES} features"
    report.at(f"{name}: rows and compilation")
    fit = pixel_map.prepare_ours("exact", _ROWS, _FEATURES, None)
    report.at(name)
    with meter.phase() as phase:
        fit()
    pairs = _FEATURES * (_FEATURES - 1) // 2
    report.add(
        name,
        **phase.figures(),
        items=_FEATURES,
        unit="features",
        flops=2.0 * _ROWS * _FEATURES**2
        + float(_OPERATIONS_PER_PAIR) * _ITERATIONS * pairs,
        limit=limit["float32"],
    )
