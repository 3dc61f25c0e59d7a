"""Seconds and memory of calls: in turn, or in a fresh process."""

import concurrent.futures
import contextlib
import math
import multiprocessing
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Call = Callable[[], Any]

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def alternate(
    calls: Mapping[str, Call | None], rounds: int, clock: str = "wall"
) -> dict[str, float]:
    """Times each in turn, `rounds` times, after one call to warm up.

    Args:
        calls: Name to call, or `None` if there is nothing to time.
        rounds: Number of rounds.
        clock: Key of `CLOCKS`.

    Returns:
        Name to the seconds of the best round, which other programs on the
        machine disturbed least; NaN for `None`.
    """
    now = CLOCKS[clock]
    for call in calls.values():
        if call is not None:
            call()
    least = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            if call is not None:
                begin = now()
                call()
                least[name] = min(least[name], now() - begin)
    return {
        name: math.nan if calls[name] is None else seconds
        for name, seconds in least.items()
    }


def best(call: Call, rounds: int, clock: str = "wall") -> float:
    """Seconds of the best round of one call, after one to warm up."""
    return alternate({"": call}, rounds, clock)[""]


def copy_rate(clock: str = "wall") -> float:
    """Bytes per second that one thread reads and writes while copying."""
    source = np.ones(1 << 25, np.float32)  # 128 MiB: no cache holds it
    target = np.empty_like(source)
    seconds = best(lambda: np.copyto(target, source), 5, clock)
    return 2 * source.nbytes / seconds


def in_fresh_process(
    prepare: Callable[..., Call], *args: Any, clock: str = "wall"
) -> tuple[Any, float, float]:
    """Runs `prepare(*args)()` in a new interpreter.

    Args:
        prepare: Module-level function that builds the inputs and returns the
            call to time.
        *args: Arguments of `prepare`.
        clock: Key of `CLOCKS`.

    Returns:
        Result of the call, its seconds, and by how many bytes its peak of
        resident memory exceeds the memory before it (NaN without Linux).
    """
    # Not multiprocessing.Pool: scikit-learn uses one thread in its daemons.
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        return pool.submit(_measured, prepare, args, clock).result()


def _measured(
    prepare: Callable[..., Call], args: tuple[Any, ...], clock: str
) -> tuple[Any, float, float]:
    call = prepare(*args)
    with contextlib.suppress(OSError):
        # Resets the peak to what is resident now: see proc(5).
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    now = CLOCKS[clock]
    begin = now()
    result = call()
    seconds = now() - begin
    return result, seconds, _resident("VmHWM") - before


def _resident(field: str) -> float:
    path = pathlib.Path("/proc/self/status")
    if not path.is_file():
        return math.nan
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024.0 * int(value.split()[0])
    return math.nan
