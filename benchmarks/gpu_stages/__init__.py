"""The stages of `benchmarks.gpu_check`, a process each."""

import typing


class Stage(typing.NamedTuple):
    """Where a stage is, and its share of the time."""

    module: str
    function: str
    share: float


# In the order in which they run. What a stage leaves of its share is added to
# those after it.
STAGES = {
    "machine": Stage("benchmarks.gpu_stages.machine", "run", 12),
    "encoder": Stage("benchmarks.gpu_stages.encoding", "run", 80),
    "demo": Stage("benchmarks.gpu_stages.demo", "run", 65),
    "features": Stage("benchmarks.gpu_stages.training", "features", 35),
    "paper": Stage("benchmarks.gpu_stages.training", "paper", 25),
    "map": Stage("benchmarks.gpu_stages.mapping", "run", 20),
}
