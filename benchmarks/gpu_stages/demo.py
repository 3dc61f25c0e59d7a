"""The demo as a user types it, in a process of its own."""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks import command, encoder, operations
from benchmarks.gpu_stages import limits
from benchmarks.gpu_stages.activity import Meter
from benchmarks.gpu_stages.report import Report
from text2image import assets, devices
from text2image.bert import headers
from text2image.bert.encoder import Encoder
from trainers import config
from trainers.network import model

_ROOT = pathlib.Path(__file__).parents[2]
_METRICS = "metrics.json"


def run(report: Report, meter: Meter) -> None:
    """Runs the demo; the lines of its log say when each stage began."""
    report.at("demo")
    with tempfile.TemporaryDirectory() as directory:
        with meter.phase() as phase:
            log = _run(report, directory)
        finished = pathlib.Path(directory) / "run"
        metrics = json.loads((finished / _METRICS).read_text("utf-8"))
    report.add(
        "demo, whole",
        **phase.figures(),
        items=1,
        unit="runs",
        accuracy=metrics["accuracy"],
        stages=_seconds_by_stage(log),
    )
    report.at("operations of the demo")
    flops, tokenise = _work(metrics)
    limit = limits.measure()
    report.amend(flops=flops, limit=limit["float32"], tokenise=tokenise)
    report.set(limits=limit)


def _run(report: Report, directory: str) -> list[tuple[float, str]]:
    """Returns the lines of the log with the seconds at which they came."""
    device = "gpu" if devices.has_gpu() else "cpu"
    environment = {**os.environ, "PYTHONPATH": _path(), "TQDM_DISABLE": "1"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # as users have it
    begin = time.perf_counter()
    log = [(0.0, "start: Python and TensorFlow")]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "trainers.run"),
            *(f"--device={device}", "--workdir=run"),
        ],
        cwd=directory,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            log.append((time.perf_counter() - begin, line.rstrip()))
            report.line(line.rstrip())
    if child.returncode != 0:
        raise RuntimeError(
            f"The demo ended with {child.returncode}: {log[-1][1]}"
        )
    return [*log, (time.perf_counter() - begin, "end:")]


def _path() -> str:
    """The checkout before everything else that Python imports from."""
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(_ROOT), *([given] if given else [])])


def _seconds_by_stage(log: list[tuple[float, str]]) -> dict[str, float]:
    """Adds up the seconds after each line, by what the line begins with."""
    seconds: dict[str, float] = {}
    for (begin, line), (end, _) in itertools.pairwise(log):
        stage = line.partition(":")[0][:60]
        seconds[stage] = round(seconds.get(stage, 0.0) + end - begin, 3)
    return seconds


def _work(metrics: dict[str, Any]) -> tuple[float, float]:
    """Counts the operations of encoder, slice and training; times tokens."""
    preset = config.PRESETS["demo"]
    source = assets.mini_encoder()
    texts = command.read_texts("demo", None, 10_000)
    bert = Encoder(str(source))
    begin = time.perf_counter()
    lengths = bert.count_tokens(texts)
    tokenise = time.perf_counter() - begin
    _, flops = encoder.flops(
        np.minimum(lengths, bert.max_tokens), headers.read_header(source)
    )
    names = config.TrainConfig.__dataclass_fields__
    settings = {name: preset[name] for name in preset if name in names}
    train_config = config.TrainConfig(**settings)
    models = model.build_models(train_config, (50, 50, 3), 2)
    frozen, trained = operations.model_flops(models)
    images = metrics["num_train"] + metrics["num_validation"]
    per_epoch = 3 * metrics["num_train"] + metrics["num_validation"]
    flops += images * frozen + train_config.epochs * per_epoch * trained
    return flops, tokenise
