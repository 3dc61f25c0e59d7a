"""Times what several workers share, against one worker.

    python -m benchmarks.scale_out --batch=128

Training: steps of the head of `--backbone` on random features that lie on the
device, in batches of `--batch` over all workers. One worker with one thread,
one with `--workers` threads, and `--workers` workers with one thread each, as
processes on this machine under `--distribution=multi_worker`, in turn; the best
round counts. Efficiency is the rate over that of one worker with one thread,
divided by the number of workers or threads. Processor time, that of all
workers, is disturbed less by other programs. Bytes on the wire are those
through the loopback device (Linux), and as computed: a ring of R workers sends
2 (R - 1) times the gradients.

    python -m benchmarks.scale_out --dataset=imdb_reviews --data_dir=TFDS_DIR

Records: the whole of `tfrecords.build` on a dataset, by the loop and by Apache
Beam on `--workers` processes of this machine, start and map included; whether
both leave the same bytes.
"""

import contextlib
import json
import math
import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from benchmarks import command, printing
from text2image import hashes
from tfrecords import process
from trainers import backbones

_SHAPE = (50, 50, 3)  # of images, as the demo's
_NUM_BATCHES = 20  # on the device; an epoch is as long


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table for everything that workers share."""
    parser = command.parser(__doc__, without=("threads", "clock", "device"))
    parser.add_argument(
        "--backbone", choices=tuple(backbones.BACKBONES), default="resnet"
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=200, help="Per round.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dataset", help="Time records of it instead.")
    parser.add_argument("--data_dir", default="")
    flags = parser.parse_args(argv)

    command.prepare(flags)
    if flags.dataset:
        records(flags)
    else:
        training(flags)


def records(flags: Any) -> None:
    """Prints texts per second of a build of records."""
    beam = ("--runner=beam", "--", f"--direct_num_workers={flags.workers}")
    sides: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, runner in (("local", ()), ("beam", beam)):
            begin = time.perf_counter()
            subprocess.run(
                [
                    *(sys.executable, "-m", "tfrecords.build"),
                    f"--dataset={flags.dataset}",
                    f"--data_dir={flags.data_dir}",
                    f"--records_dir={folder}/{name}",
                    *runner,
                ],
                check=True,
            )
            sides[name] = time.perf_counter() - begin
        trees = [
            hashes.sha256_of_directory(pathlib.Path(folder) / name)
            for name in sides
        ]
        (manifest,) = pathlib.Path(folder).glob("local/cls/*/*/manifest.json")
        splits = json.loads(manifest.read_text("utf-8"))["splits"]
    num_texts = sum(
        shard["num_examples"] for shards in splits.values() for shard in shards
    )
    print(f"\nrecords of {num_texts} texts\n")
    printing.print_table(
        ("runner", "seconds", "texts/s", "of the local time"),
        [
            (
                name,
                printing.number(seconds),
                printing.number(num_texts / seconds),
                printing.ratio(seconds, sides["local"]),
            )
            for name, seconds in sides.items()
        ],
    )
    print(f"\nthe same bytes: {trees[0] == trees[1]}")


def training(flags: Any) -> None:
    """Prints images per second of a training."""
    with contextlib.ExitStack() as stack:
        sides = {
            name: stack.enter_context(_Side.start(flags, *counts))
            for name, counts in {
                "1 worker, 1 thread": (1, 1),
                f"1 worker, {flags.workers} threads": (1, flags.workers),
                f"{flags.workers} workers, 1 thread each": (flags.workers, 1),
            }.items()
        }
        for _ in range(flags.rounds):
            for side in sides.values():
                side.measure(flags.steps)
    base = next(iter(sides.values())).seconds
    num_images = flags.steps * flags.batch
    print("\ntraining\n")
    printing.print_table(
        (
            "side",
            "images/s",
            "against the first",
            "efficiency",
            "processor ms per image",
            "bytes on the wire per step",
            "computed",
        ),
        [
            (
                name,
                printing.number(num_images / side.seconds),
                printing.ratio(base, side.seconds),
                f"{base / side.seconds / max(side.workers, side.threads):.0%}",
                f"{1e3 * side.processor_seconds / num_images:.3f}",
                f"{side.num_bytes / flags.steps:,.0f}",
                f"{2 * (side.workers - 1) * side.gradient_bytes:,}",
            )
            for name, side in sides.items()
        ],
    )


class _Side:
    """Processes that take steps together when they are told to.

    Attributes:
        workers: Number of processes.
        threads: Threads of each.
        gradient_bytes: Size of what a step sums over the workers.
        seconds: Of the best round.
        processor_seconds: Of all processes, in the round with the least.
        num_bytes: Bytes through the loopback device in that round.
    """

    def __init__(
        self, workers: int, threads: int, pipes: list[Connection]
    ) -> None:
        self.workers = workers
        self.threads = threads
        self._pipes = pipes
        # Every process says it when it is ready.
        self.gradient_bytes, *_ = [pipe.recv() for pipe in pipes]
        self.seconds = math.inf
        self.processor_seconds = math.inf
        self.num_bytes = math.nan

    @classmethod
    @contextlib.contextmanager
    def start(cls, flags: Any, workers: int, threads: int) -> Iterator[Self]:
        """Starts the processes and waits until they have compiled a step."""
        with contextlib.ExitStack() as sockets:
            ports = []
            for _ in range(workers):
                server = socket.create_server(("127.0.0.1", 0))
                ports.append(sockets.enter_context(server).getsockname()[1])
        context = multiprocessing.get_context("spawn")
        pipes, processes = [], []
        for index in range(workers):
            pipe, end = context.Pipe()
            config = {
                "cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]},
                "task": {"type": "worker", "index": index},
            }
            worker = context.Process(
                target=_serve, args=(end, flags, threads, json.dumps(config))
            )
            worker.start()
            pipes.append(pipe)
            processes.append(worker)
        try:
            yield cls(workers, threads, pipes)
        finally:
            for worker in processes:
                worker.kill()
                worker.join()

    def measure(self, num_steps: int) -> None:
        """Takes a round of steps."""
        sent = _loopback_bytes()
        for pipe in self._pipes:
            pipe.send(num_steps)
        answers = [pipe.recv() for pipe in self._pipes]
        seconds = max(wall for wall, _ in answers)
        processor_seconds = sum(processor for _, processor in answers)
        self.processor_seconds = min(self.processor_seconds, processor_seconds)
        if seconds < self.seconds:
            self.seconds = seconds
            self.num_bytes = _loopback_bytes() - sent


def _loopback_bytes() -> float:
    """Bytes that this machine has sent to itself; NaN without Linux."""
    path = pathlib.Path("/proc/net/dev")
    if not path.is_file():
        return math.nan
    for line in path.read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "lo":
            return float(counts.split()[8])
    return math.nan


def _serve(pipe: Connection, flags: Any, threads: int, config: str) -> None:
    """Takes as many steps as it is told to, until it is killed."""
    process.prepare()
    is_alone = len(json.loads(config)["cluster"]["worker"]) == 1
    os.environ["TF_CONFIG"] = config
    # A process that is one of several computes in its own thread.
    os.environ["OMP_NUM_THREADS"] = str(threads)

    import tensorflow as tf

    from tfrecords.devices import DeviceOptions
    from trainers.distribution import workers
    from trainers.distribution.options import DistributionOptions

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    kind = "none" if is_alone else "multi_worker"
    workers.start(DistributionOptions(kind), DeviceOptions("cpu"))
    run, gradient_bytes = _steps(flags)
    pipe.send(gradient_bytes)
    while True:
        num_steps = tf.constant(pipe.recv())
        begin = time.perf_counter(), time.process_time()
        run(num_steps).numpy()
        end = time.perf_counter(), time.process_time()
        pipe.send((end[0] - begin[0], end[1] - begin[1]))


def _steps(flags: Any) -> tuple[Any, int]:
    """Returns a function that takes steps, and the bytes of its gradients."""
    import numpy as np

    from trainers import config
    from trainers.distribution.workers import current
    from trainers.network import model, optimizer
    from trainers.training import figures, loop, parallel_steps, sources, steps
    from trainers.training.inputs import Inputs, empty

    train = config.TrainConfig(backbone=flags.backbone, weights="random")
    models = model.build_models(train, _SHAPE, 2)
    loop.compile_classifier(
        models.classifier, optimizer.PartwiseAdam(train.learning_rates)
    )
    num_images = flags.batch * _NUM_BATCHES
    values = empty((num_images, *models.features.output.shape[1:]))
    rng = np.random.default_rng(0)
    for row in values:
        row[:] = rng.standard_normal(row.shape, np.float32)
    source = parallel_steps.divide(
        Inputs(
            values,
            rng.integers(0, 2, num_images).astype(np.int32),
            [str(index) for index in range(num_images)],
        ),
        sources.Order(num_images, flags.batch, seed=0),
        current(),
    )
    run = steps.Steps(models.classifier, source, workers=current()).run
    iterator = iter(source.dataset(0, 1).repeat())
    weights = models.classifier.trainable_variables
    num_floats = sum(math.prod(weight.shape) for weight in weights)
    run(iterator, np.int32(1)).numpy()
    return (
        lambda num_steps: run(iterator, num_steps),
        4 * (num_floats + len(figures.FIGURES)),
    )


if __name__ == "__main__":
    main()
