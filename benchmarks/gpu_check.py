"""Where the time goes on this machine, in at most four minutes.

    python -m benchmarks.gpu_check --out=gpu_check.json

Runs the demo, the encoder (BERT base with random weights, 2,000 texts as long
as reviews), an epoch on cached features, one of the paper's recipe and a map of
4,608 features; on a CPU a smaller encoder and fewer texts and images. Each is
compared with the device's own product of two squares (8192, on a CPU 2048),
measured in the same process. Every stage is a process of its own: one that
fails or runs out of time is recorded, with its traceback and what it was at.

In the table, seconds are those of the second call, after `compile`. `device`
and `idle` are shares of them: on a GPU by its driver's counter, on a CPU by
processor time over the cores. `transfer` is bytes over the measured rate.
"""

import argparse
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import command, printing
from benchmarks.gpu_stages import STAGES
from tfrecords import files

_ROOT = pathlib.Path(__file__).parents[1]
_END = 3.0  # seconds kept for the table
_TAIL = 6_000  # characters of a stage's log that are kept
_SHARES = ("tokenise", "transfer", "device", "idle")


def run_stage(name: str, seconds: float, device: str) -> dict[str, Any]:
    """Runs a stage and kills it when its time is over.

    Returns:
        What it has reported, with `status` (`ok`, `failed` or `out of time`),
        `wall` and `stderr`, its end.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "1"}
    given = os.environ.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(_ROOT), *([given] if given else [])]
    )
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "report.json"
        stderr = pathlib.Path(directory) / "stderr"
        with stderr.open("wb") as file:
            child = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.gpu_stages"),
                    *(name, str(path), str(seconds), device),
                ],
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,  # so that its children end with it
            )
            try:
                code = child.wait(seconds)
                status = "ok" if code == 0 else "failed"
            except subprocess.TimeoutExpired:
                status = "out of time"
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        report = json.loads(path.read_text("utf-8")) if path.exists() else {}
        log = stderr.read_text("utf-8", "replace")[-_TAIL:]
    return {
        "status": status,
        "wall": time.monotonic() - begin,
        "budget": seconds,
        **report,
        "stderr": log,
    }


def rows_of(stages: dict[str, dict[str, Any]]) -> list[list[object]]:
    """One row per measurement."""
    nan = float("nan")
    rows: list[list[object]] = []
    for stage in stages.values():
        for figures in stage.get("measurements", ()):
            seconds = figures["seconds"]
            limit = figures.get("limit")
            share = figures.get("flops", nan) / seconds / (limit or nan)
            rows.append(
                [
                    figures["name"],
                    printing.number(seconds, 3 if seconds < 10 else 1),
                    f"{figures['items'] / seconds:,.1f} {figures['unit']}/s",
                    _percent(share),
                    printing.number(figures.get("compile", nan)),
                    *(_percent(_share(figures, name)) for name in _SHARES),
                ]
            )
    return rows


def _share(figures: dict[str, Any], name: str) -> float:
    value = figures.get(name)
    return float("nan") if value is None else value / figures["seconds"]


def _percent(share: float) -> object:
    return share if share != share else f"{share:.1%}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; writes the JSON after every stage.

    Returns:
        1 if a stage failed, else 0.
    """
    parser = _parser()
    flags = parser.parse_args(argv)
    asked = flags.stages.split(",")
    if unknown := sorted(set(asked) - set(STAGES)):
        parser.error(
            f"--stages must be of {','.join(STAGES)}. Received: {unknown[0]!r}"
        )
    names = [name for name in STAGES if name in asked]

    command.prepare(flags)
    end = time.monotonic() + flags.seconds - _END
    result: dict[str, Any] = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(),
        "flags": vars(flags),
        "stages": {},
    }
    for position, name in enumerate(names):
        shares = [STAGES[other].share for other in names[position:]]
        seconds = (end - time.monotonic()) * shares[0] / sum(shares)
        stage = run_stage(name, max(1.0, seconds), flags.device)
        result["stages"][name] = stage
        text = json.dumps(result, indent=1)  # in the order of the stages
        files.write_text(pathlib.Path(flags.out), text)
        at = f" at: {stage['at']['name']}" if "at" in stage else ""
        print(f"{name}: {stage['status']}, {stage['wall']:.0f} s{at}")
        if "error" in stage:
            print(stage["error"])
    machine = result["stages"].get("machine", {})
    print(f"\n{machine.get('device', '')}, {machine.get('processor', '')}\n")
    printing.print_table(
        ("what", "seconds", "rate", "of matmul's limit", "compile, s",
         *_SHARES),
        rows_of(result["stages"]),
    )  # fmt: skip
    _print_demo(result["stages"].get("demo", {}))
    print(f"wrote {flags.out}")
    statuses = {stage["status"] for stage in result["stages"].values()}
    return int(statuses != {"ok"})


def _parser() -> argparse.ArgumentParser:
    flags = command.parser(
        __doc__, without=("device", "threads", "rounds", "clock")
    )
    flags.add_argument(
        "--device", choices=("auto", "cpu", "gpu"), default="auto"
    )
    flags.add_argument("--out", default="gpu_check.json")
    flags.add_argument(
        "--seconds", type=float, default=240.0, help="At most, for all stages."
    )
    flags.add_argument(
        "--stages", default=",".join(STAGES), help="Default: %(default)s."
    )
    return flags


def _print_demo(stage: dict[str, Any]) -> None:
    for figures in stage.get("measurements", ()):
        print(f"demo: accuracy {figures['accuracy']:.4f}; seconds by stage:\n")
        printing.print_table(
            ("the log's line begins with", "seconds until the next line"),
            [
                (name, f"{seconds:.1f}")
                for name, seconds in figures["stages"].items()
            ],
        )


if __name__ == "__main__":
    sys.exit(main())
