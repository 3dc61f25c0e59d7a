"""Peak memory of `tfrecords.build` against the number of rows.

    python -m benchmarks.growth_memory --count=10000 --count=100000 \
        --count=1000000 --out=docs/growth_memory.png

The encoder is replaced by random vectors of `--features` numbers (`--stacks`),
each with an id. Each build is a process of its own, `--split=hashed`; its peak
is the kernel's (VmHWM in /proc, so Linux only).
"""

import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from benchmarks import command, printing

_POLL = 0.05  # seconds between two readings of the peak, which only rises
_BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Measured:
    """A build.

    Attributes:
        count: Number of rows.
        seconds: Wall time of the process.
        peak: Peak of its resident memory in bytes.
        num_bytes: Bytes that it left on disk.
    """

    count: int
    seconds: float
    peak: float
    num_bytes: int


def write_vectors(path: pathlib.Path, count: int, features: int) -> None:
    """Writes random vectors of two classes as a Parquet file."""
    import pyarrow
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    schema = pyarrow.schema(
        {
            "id": pyarrow.string(),
            "label": pyarrow.string(),
            "stack": pyarrow.list_(pyarrow.float32(), features),
        }
    )
    with pyarrow.parquet.ParquetWriter(
        path, schema, use_dictionary=["label"]
    ) as writer:
        for start in range(0, count, _BLOCK):
            rows = range(start, min(start + _BLOCK, count))
            numbers = rng.standard_normal(
                (len(rows), features), dtype=np.float32
            )
            columns = {
                "id": [f"row-{row}" for row in rows],
                "label": [("neg", "pos")[row % 2] for row in rows],
                "stack": pyarrow.FixedSizeListArray.from_arrays(
                    numbers.ravel(), features
                ),
            }
            writer.write_table(
                pyarrow.table(columns, schema), row_group_size=2560
            )


def build(folder: pathlib.Path, count: int, *flags: str) -> Measured:
    """Builds records of `<folder>/<count>.parquet` in a new process."""
    records = folder / f"records_{count}"
    begin = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tfrecords.build", "--split=hashed"),
            f"--stacks={folder / str(count)}.parquet",
            f"--records_dir={records}",
            *("--image_height=8", "--image_width=8", "--assignment=lsa"),
            *flags,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _peak_of(process.pid))
        time.sleep(_POLL)
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    sizes = [path.stat().st_size for path in records.rglob("*.tfrecord-*")]
    return Measured(count, seconds, peak, sum(sizes))


def _peak_of(pid: int) -> float:
    """Peak of resident memory so far in bytes; 0 of a process at its end."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    values = dict(line.split(":", 1) for line in status.splitlines())
    return 1024.0 * int(values.get("VmHWM", "0 kB").split()[0])


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a row per size, and draws peak memory against rows."""
    parser = command.parser(
        __doc__, without=("device", "threads", "rounds", "clock")
    )
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--out", default="growth_memory.png")
    flags = parser.parse_args(argv)
    command.prepare(flags)
    measured = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for count in sorted(flags.count or (1000, 10_000)):
            write_vectors(folder / f"{count}.parquet", count, flags.features)
            measured.append(build(folder, count))
            print(measured[-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
    print()
    printing.print_table(
        (
            "rows",
            "peak MB",
            "of the fewest's",
            "seconds",
            "rows/s",
            "MB on disk",
        ),
        [
            (
                f"{each.count:,}",
                f"{each.peak / 1e6:.0f}",
                printing.ratio(each.peak, measured[0].peak),
                f"{each.seconds:.0f}",
                f"{each.count / each.seconds:,.0f}",
                f"{each.num_bytes / 1e6:.1f}",
            )
            for each in measured
        ],
    )
    draw(measured, flags.out)


def draw(measured: Sequence[Measured], out: str) -> None:
    """Draws peak memory against the number of rows.

    Args:
        measured: The builds, by the number of rows.
        out: The figure's file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    counts = [each.count for each in measured]
    peaks = [each.peak / 1e6 for each in measured]
    axes.plot(counts, peaks, marker="o")
    for count, peak in zip(counts, peaks, strict=True):
        axes.annotate(
            f"{peak:.0f}",
            (count, peak),
            textcoords="offset points",
            xytext=(0, 8),
            ha="center",
        )
    axes.set(
        xscale="log",
        xlabel="rows",
        ylabel="peak memory of the build, MB",
        ylim=(0, 1.25 * max(peaks)),
    )
    figure.savefig(out, dpi=120)
    print(f"drawn: {out}")


if __name__ == "__main__":
    main()
