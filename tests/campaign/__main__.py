"""Faults on purpose: kills, failing disks, damaged files, hostile places.

    python -m tests.campaign kills --program=build --seed=1 --count=50
    python -m tests.campaign disk --program=run --count=20
    python -m tests.campaign corruption --program=export --count=60
    python -m tests.campaign together --program=build --count=5
    python -m tests.campaign elsewhere --program=build --count=13
    python -m tests.campaign hostile --count=100
    python -m tests.campaign load --count=600 --place=PLACE

Each part prints a Markdown table; exit code 1 if anything failed. Programs:
build, beam, hashed, run, export, predict, table, im2vec, multimodal. Of
corruption: records, shards, unfinished-build, run, unfinished-run, export,
encoder. A program takes one second to a minute, and a trial some of them.
"""

import argparse
import contextlib
import importlib
import pathlib
import sys
import tempfile

from tests.campaign.jobs import Jobs
from tests.campaign.server import Server

PARTS = (
    *("kills", "disk", "corruption", "together", "elsewhere"),
    *("hostile", "load"),
)


def main(argv=None):
    """Runs a part as the flags say; returns the exit code."""
    parser = argparse.ArgumentParser(
        "tests.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument(
        "--program", default="build", help="see above; default: build"
    )
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--place", type=pathlib.Path, help="directory of the jobs, kept"
    )
    options = parser.parse_args(argv)
    part = importlib.import_module(f"tests.campaign.{options.part}")
    with jobs_at(options.place) as jobs:
        result = part.run(
            jobs, options.program, count=options.count, seed=options.seed
        )
    print(result.markdown())  # noqa: T201
    return 1 if result.failures else 0


@contextlib.contextmanager
def jobs_at(place):
    """Jobs below a place, by default a temporary one, with their server."""
    with contextlib.ExitStack() as stack:
        if place is None:
            place = stack.enter_context(tempfile.TemporaryDirectory())
        place = pathlib.Path(place).resolve()
        place.mkdir(parents=True, exist_ok=True)
        server = Server(place)
        stack.callback(server.close)
        yield Jobs(place, server)


if __name__ == "__main__":
    sys.exit(main())
