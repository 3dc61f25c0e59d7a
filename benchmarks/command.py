"""What every benchmark starts with: flags, environment, device, texts."""

import argparse
import os
import sys
from collections.abc import Collection

from benchmarks import measuring, printing
from tfrecords import devices, process


def parser(
    doc: str | None, *, rounds: int = 3, without: Collection[str] = ()
) -> argparse.ArgumentParser:
    """A parser with the flags that benchmarks share.

    Args:
        doc: Docstring of the benchmark, which becomes its help.
        rounds: Default of `--rounds`.
        without: Names of shared flags that have no effect in this benchmark.
    """
    shared = {
        "device": {"choices": ("auto", "cpu", "gpu"), "default": "cpu"},
        "threads": {"type": int, "default": len(os.sched_getaffinity(0))},
        "rounds": {
            "type": int,
            "default": rounds,
            "help": "The best one counts. Default: %(default)s.",
        },
        "clock": {
            "choices": tuple(measuring.CLOCKS),
            "default": "wall",
            "help": "processor: seconds of all threads added up, for a "
            "machine that others use too; rates are then per processor and "
            "second.",
        },
    }
    flags = argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, settings in shared.items():
        if name not in without:
            flags.add_argument(f"--{name}", **settings)  # type: ignore[arg-type]
    return flags


def add_corpus(flags: argparse.ArgumentParser, *, texts: int) -> None:
    """Adds the flags that `read_texts` needs.

    Args:
        flags: The parser that they are added to.
        texts: Default of `--texts`.
    """
    flags.add_argument("--dataset", default="demo")
    flags.add_argument("--data_dir", default=None)
    flags.add_argument("--texts", type=int, default=texts)


def read_texts(dataset: str, data_dir: str | None, count: int) -> list[str]:
    """Returns the first texts of a corpus, at most `count`."""
    from text2image.corpora import examples
    from text2image.corpora import texts as corpus

    texts: list[str] = []
    source = corpus.open_corpus(dataset, data_dir=data_dir)
    for part in source.parts.values():
        for item in part():
            if len(texts) == count:
                return texts
            texts.append(examples.usable(item).text)
    return texts


def prepare(flags: argparse.Namespace, *peers: str) -> None:
    """Sets the environment of our programs; prints flags, versions and load.

    Call it before Keras is imported.

    Args:
        flags: Parsed flags of the benchmark.
        *peers: Distributions that are timed too, if they are installed.
    """
    process.prepare()
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(" ".join(f"--{name}={value}" for name, value in vars(flags).items()))
    printing.print_versions(*peers)


def start(flags: argparse.Namespace, *peers: str) -> None:
    """Prepares, then chooses device and threads of TensorFlow and prints them.

    Call it before anything is computed, and after torchvision is imported.

    Args:
        flags: Of a parser with all shared flags.
        *peers: Distributions that are timed too, if they are installed.

    Raises:
        SystemExit: If `--device=gpu` and TensorFlow finds no GPU.
    """
    prepare(flags, *peers)
    import tensorflow as tf

    from text2image import devices as visible

    for name in ("intra_op", "inter_op"):
        setter = getattr(tf.config.threading, f"set_{name}_parallelism_threads")
        setter(flags.threads)
    try:
        devices.use(devices.DeviceOptions(flags.device))
    except RuntimeError as error:
        sys.exit(str(error))
    # What the peers compute on, too.
    flags.device = "gpu" if visible.has_gpu() else "cpu"
    threads = "" if visible.has_gpu() else f", {flags.threads} threads"
    print(f"{visible.describe()}{threads}\n", flush=True)
