"""Growth on paper: time, memory, disk and cost from measured rates.

    python -m benchmarks.growth_on_paper --rates=docs/results/growth_rates.json

`benchmarks.stage_rates` measures the rates. Every other number is an assumption
with a flag of its own. Work is divided evenly among the cores, as far as there
are units; nothing is added for failures, stragglers or a busy network.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import command, encoder, printing, random_bert
from benchmarks.magnitudes import duration, power, price, size

SIZES = (10**5, 10**7, 10**9, 10**10)
MACHINES = (1, 10, 100, 1000)
# As tfrecords.stages.feature_sums and text2image.corpora.repeats have them.
_LEAST_SHARDS, _MOST_GROUPS = 32, 64
_TEXTS_PER_BUCKET = 1 << 22
_DIGEST, _INDEX, _LINE = 29, 29, 95  # bytes: digest, index entry, manifest line
_TRAIN = 0.8
# Files with marks per range: survey, digests; two shards of stacks and images.
_FILES = 2 + 2 + 2
_REQUESTS_PER_MARK = 2  # its text, and the size of its file
_LOOKS = 3  # at each mark: before and after a stage, and to publish
_LARGE_SHARD = 65_536
_TOKENS = 250  # as stage_rates has them


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """What is not measured; each field is a flag.

    Attributes:
        cores: Cores of a machine.
        gpus: GPUs of a machine with GPUs.
        gpu_tflops: Rate of a GPU's matrix products in bfloat16.
        gpu_share: Share of it that the encoder reaches.
        core_hour: Price of a core for an hour.
        gpu_hour: Price of a GPU for an hour.
        shard: Texts of a train shard (--examples_per_shard).
        epochs: Epochs of the training.
        network: Gigabytes per second into the driver.
        store_ms: Milliseconds of a request to an object store.
        requests: Requests at a time.
    """

    cores: float = 16
    gpus: float = 1
    gpu_tflops: float = 261
    gpu_share: float = 0.3
    core_hour: float = 0.04
    gpu_hour: float = 3.0
    shard: float = 2048
    epochs: float = 10
    network: float = 1.25
    store_ms: float = 30
    requests: float = 64


@dataclasses.dataclass(frozen=True)
class Plan:
    """A number of texts, and what follows from it whatever the machines.

    Attributes:
        count: Number of texts.
        rates: What `stage_rates` measured.
        assumed: The assumptions.
    """

    count: int
    rates: Mapping[str, Any]
    assumed: Assumptions

    @property
    def ranges(self) -> int:
        """Ranges of the corpus: a train and a validation shard each."""
        return math.ceil(self.count * _TRAIN / self.assumed.shard)

    @property
    def groups(self) -> int:
        """Groups of train shards, with a Gram matrix each."""
        size = max(_LEAST_SHARDS, math.ceil(self.ranges / _MOST_GROUPS))
        return math.ceil(self.ranges / size)

    @property
    def buckets(self) -> int:
        """Buckets of digests."""
        return math.ceil(self.count / _TEXTS_PER_BUCKET)

    @property
    def gram_bytes(self) -> int:
        """Size of a Gram matrix."""
        return 8 * self.rates["features"] ** 2

    def seconds(self, machines: int, *, has_gpus: bool) -> dict[str, float]:
        """Wall time of each stage on a disk that all machines share."""
        assumed, per_row = self.assumed, self.rates["per_row"]
        cores = machines * assumed.cores
        workers = min(cores, self.ranges)  # a unit is one thread

        def divided(name: str, rows: float, limit: float = workers) -> float:
            return rows * per_row[name] / limit

        # A shard is encoded by one GPU, or by all cores of a machine.
        if has_gpus:
            # Without the rows of the last layer that no stack reads.
            flops = encoder.flops(np.array([_TOKENS]), random_bert.BERT_BASE)[1]
            rate = 1e12 * assumed.gpu_tflops * assumed.gpu_share / flops
            gpus = min(machines * assumed.gpus, self.ranges)
            encode = self.count / rate / gpus
        else:
            used = min(machines, self.ranges) * assumed.cores
            encode = divided("encode", self.count, used)
        adding = min(machines, self.groups)
        train = _TRAIN * self.count
        once = self.rates["once"]
        return {
            "split": divided("split by hashes", self.count)
            + self.buckets
            * self.ranges
            * once["mark"]
            / min(cores, self.buckets),
            "encode, write": encode + divided("write stacks", self.count),
            "statistics, Gram": 2 * divided("read stacks", train, adding)
            + divided("statistics", train, adding)
            + divided("Gram matrix", train, adding * assumed.cores),
            "merge, map": (
                self.groups
                * (
                    once["merge of a group"]
                    + self.gram_bytes / (1e9 * assumed.network)
                )
                if self.groups > 1
                else 0.0
            )
            + once["map"],
            "draw": divided("read stacks", self.count)
            + divided("draw and write images", self.count),
            "driver": self.looks * once["mark"],
            "feature maps": divided("feature maps", self.count, cores),
            "training": assumed.epochs * divided("epoch", train, cores),
        }

    @property
    def looks(self) -> int:
        """Number of marks that the driver reads, one after the other."""
        return _LOOKS * _FILES * self.ranges

    def total(self, machines: int, *, has_gpus: bool) -> float:
        """Wall time of all stages in seconds."""
        return sum(self.seconds(machines, has_gpus=has_gpus).values())

    def cost(self, machines: int, *, has_gpus: bool) -> float:
        """Price of all machines from beginning to end."""
        hours = self.total(machines, has_gpus=has_gpus) / 3600
        hourly = self.assumed.cores * self.assumed.core_hour
        if has_gpus:
            hourly += self.assumed.gpus * self.assumed.gpu_hour
        return machines * hours * hourly

    def disk(self) -> dict[str, float]:
        """Bytes of what is kept, and of what is there for a while."""
        size = self.rates["bytes"]
        return {
            "texts": self.count * size["text"],
            "stacks": self.count * size["stack record"],
            "images": self.count * size["image record"],
            "feature maps": self.count * size["features of an image"],
            "digests": self.count * _DIGEST
            + 8 * self.ranges * (self.buckets + 1),
            "Gram matrices": self.groups * self.gram_bytes,
            "lists of shards": 4 * self.ranges * _LINE,
        }

    def memory(self) -> dict[str, float]:
        """Bytes of memory that grow, by process."""
        size = self.rates["bytes"]
        return {
            "driver, hashed": self.ranges * size["driver, per range"],
            "driver, pooled": self.count * _INDEX,
            "map": 3.0 * self.gram_bytes,
            "bucket": min(self.count, _TEXTS_PER_BUCKET) * 100.0,
            "training": self.count * size["training, per text"],
        }


def print_tables(rates: Mapping[str, Any], assumed: Assumptions) -> None:
    """Prints the tables of docs/results/growth.md."""
    every = [Plan(count, rates, assumed) for count in SIZES]
    printing.print_table(
        ("stage", "ms of a core per row", "rows/s of a core"),
        [
            (name, f"{1e3 * value:.3f}", f"{1 / value:,.4g}".replace("e+", "e"))
            for name, value in rates["per_row"].items()
        ],
    )
    printing.print_table(
        ("texts", "machines", "time", "cost", "with GPUs", "cost"),
        [
            (
                power(plan.count) if machines == 1 else "",
                machines,
                *(
                    text
                    for has_gpus in (False, True)
                    for text in (
                        duration(plan.total(machines, has_gpus=has_gpus)),
                        price(plan.cost(machines, has_gpus=has_gpus)),
                    )
                ),
            )
            for plan in every
            for machines in MACHINES
        ],
    )
    printing.print_table(
        ("texts", "machines", *every[0].seconds(1, has_gpus=True)),
        [
            (
                power(plan.count),
                machines,
                *map(duration, plan.seconds(machines, has_gpus=True).values()),
            )
            for plan, machines in zip(every, MACHINES, strict=True)
        ],
    )
    for values in ("disk", "memory"):
        printing.print_table(
            ("texts", *getattr(every[0], values)()),
            [
                (
                    power(plan.count),
                    *map(size, getattr(plan, values)().values()),
                )
                for plan in every
            ],
        )
    in_store = _REQUESTS_PER_MARK * assumed.store_ms / 1000 / assumed.requests
    printing.print_table(
        ("texts", "ranges", "groups", "buckets", "marks read by the driver",
         "on a disk", "in a store", "there, by shards of 65,536"),
        [
            (
                power(plan.count),
                f"{plan.ranges:,}",
                plan.groups,
                f"{plan.buckets:,}",
                f"{plan.looks:,}",
                duration(plan.looks * rates["once"]["mark"]),
                *(
                    duration(each.looks * in_store)
                    for each in (plan, large)
                ),
            )
            for plan in every
            for large in (
                dataclasses.replace(
                    plan,
                    assumed=dataclasses.replace(assumed, shard=_LARGE_SHARD),
                ),
            )
        ],
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = command.parser(
        __doc__, without=("device", "threads", "rounds", "clock")
    )
    parser.add_argument("--rates", default="docs/results/growth_rates.json")
    for field in dataclasses.fields(Assumptions):
        parser.add_argument(
            f"--{field.name}", type=float, default=field.default
        )
    flags = parser.parse_args(argv)
    command.prepare(flags)
    values = dict(vars(flags))
    rates = json.loads(pathlib.Path(values.pop("rates")).read_text("utf-8"))
    print_tables(rates, Assumptions(**values))


if __name__ == "__main__":
    main()
