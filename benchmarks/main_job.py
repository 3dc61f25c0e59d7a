r"""Times `--help` and the whole job, as a user types them.

    python -m benchmarks.main_job -- --backbone=resnet --dataset=imdb_reviews \
        --data_dir=TFDS_DIR --weights=random

Everything after `--` goes to `python -m trainers.run`, which gets an empty
working directory and an empty records directory. The limit of `--help` is an
interpreter that does nothing; the job has no peer.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks import command, measuring, printing


def run(words: Sequence[str], *, quiet: bool) -> tuple[float, float]:
    """Returns seconds and peak resident bytes of a command line.

    Raises:
        SystemExit: If it fails.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - begin, 1024.0 * usage.ru_maxrss


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per command."""
    parser = command.parser(
        __doc__, rounds=5, without=("device", "threads", "clock")
    )
    parser.add_argument("--only_help", action="store_true")
    parser.add_argument("arguments", nargs="*", help="Flags of trainers.run.")
    flags = parser.parse_args(argv)
    command.prepare(flags)
    program = [sys.executable, "-m", "trainers.run"]
    bare = [sys.executable, "-c", "pass"]
    best = measuring.alternate(
        {
            "--help": lambda: run([*program, "--help"], quiet=True),
            "nothing": lambda: run(bare, quiet=True),
        },
        flags.rounds,
    )
    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{seconds:.2f}",
            printing.ratio(seconds, best["nothing"]),
            float("nan"),
        )
        for name, seconds in best.items()
    ]
    if not flags.only_help:
        with tempfile.TemporaryDirectory() as folder:
            seconds, peak = run(
                [
                    *program,
                    f"--workdir={folder}/run",
                    f"--records_dir={folder}/records",
                    *flags.arguments,
                ],
                quiet=False,
            )
        rows.append(
            (" ".join(flags.arguments) or "the demo", f"{seconds:.0f}",
             float("nan"), f"{peak / 1e9:.2f}")
        )  # fmt: skip
    printing.print_table(
        ("trainers.run", "seconds", "of nothing's", "peak GB"), rows
    )


if __name__ == "__main__":
    main()
