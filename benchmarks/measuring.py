"""What the benchmarks share: flags, alternation, limits, memory, tables."""

import argparse
import concurrent.futures
import contextlib
import importlib
import math
import multiprocessing
import os
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrecords import process
from trainers.reports import markdown

# What users run, but without messages.
process.set_environment()
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Call = Callable[[], Any]

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}

PEERS = "pip install -r benchmarks/requirements-peers.txt"


def parser(doc: str | None, *, rounds: int = 3) -> argparse.ArgumentParser:
    """A parser with the flags every benchmark takes.

    Args:
        doc: The benchmark's docstring; its first line becomes the help.
        rounds: Default of `--rounds`.
    """
    made = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    made.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    made.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0))
    )
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default="wall",
        help="processor: seconds of all threads together, for a machine that "
        "others are using too; rates are then per processor and second",
    )
    return made


def add_corpus(made: argparse.ArgumentParser, *, texts: int) -> None:
    """Adds the flags that `read_texts` needs."""
    made.add_argument("--dataset", default="demo")
    made.add_argument("--data_dir", default=None)
    made.add_argument("--texts", type=int, default=texts)


def read_texts(flags: argparse.Namespace) -> list[str]:
    """The first `--texts` texts of a corpus."""
    from text2image.corpora import texts as corpus

    found: list[str] = []
    source = corpus.open_corpus(flags.dataset, data_dir=flags.data_dir)
    for part in source.parts.values():
        for example in part():
            if len(found) == flags.texts:
                return found
            found.append(example.text)
    return found


def start(flags: argparse.Namespace) -> None:
    """Chooses device and threads of TensorFlow, and says what they are.

    Call it before anything is computed, and import torchvision before it.

    Raises:
        SystemExit: If `--device=gpu` and TensorFlow sees none.
    """
    import tensorflow as tf

    for name in ("intra_op", "inter_op"):
        setter = getattr(tf.config.threading, f"set_{name}_parallelism_threads")
        setter(flags.threads)
    found = tf.config.list_physical_devices("GPU")
    name = f"CPU, {flags.threads} threads"
    if flags.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif not found:
        sys.exit(
            "--device=gpu: TensorFlow sees no GPU. Install it with "
            "pip install '.[gpu]', or use --device=cpu."
        )
    else:
        details = tf.config.experimental.get_device_details(found[0])
        name = details.get("device_name", "GPU")
    load = os.getloadavg()[0]
    print(
        f"{name}; load before the start {load:.1f}; best of {flags.rounds} by "
        f"the {flags.clock} clock\n"
    )


def peer(module: str) -> Any:
    """Imports a peer; says so and returns None where it is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        print(f"{module} is not timed ({error}). To have it: {PEERS}\n")
        return None


def alternate(
    calls: Mapping[str, Call | None], rounds: int, clock: str = "wall"
) -> dict[str, float]:
    """Times each in turn, `rounds` times, after one call to warm up.

    Args:
        calls: Name to what is timed; None for what cannot be.
        rounds: How many times.
        clock: As `--clock`.

    Returns:
        Seconds of the best round, the one that others on the machine
        disturbed least; NaN for what is None.
    """
    now = CLOCKS[clock]
    for call in calls.values():
        if call is not None:
            call()
    best = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            if call is not None:
                begin = now()
                call()
                best[name] = min(best[name], now() - begin)
    return {
        name: math.nan if calls[name] is None else seconds
        for name, seconds in best.items()
    }


MATMUL_FLOPS = 2 * 2048**3


def matmul(dtype: str = "float32") -> Call:
    """A plain 2048 x 2048 `tf.matmul`: the processor's practical limit."""
    import tensorflow as tf

    with tf.device("GPU:0" if tf.config.get_visible_devices("GPU") else "CPU"):
        square = tf.cast(tf.random.normal((2048, 2048)), dtype)
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(square, square)))
    return lambda: multiply().numpy()


def forward_flops(model: Any, shape: Sequence[int]) -> int:
    """Operations of one example: convolutions and dense layers, counted.

    Two for a multiplication and the addition behind it.

    Args:
        model: A functional model.
        shape: Of one example, where the model leaves it open.
    """
    import keras

    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    outputs = keras.Model(
        model.inputs, {layer.name: layer.output for layer in layers}
    ).compute_output_shape((1, *shape))
    total = 0
    for layer in layers:
        kernel, output = layer.kernel.shape, outputs[layer.name]
        # (height, width, inputs of a group, filters), or (in, out); of a
        # depthwise one the filters are the outputs already.
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            total += 2 * math.prod(kernel[:2]) * math.prod(output)
        else:
            total += 2 * math.prod(kernel) * math.prod(output[:-1])
    return total


def model_flops(models: Any) -> tuple[int, int]:
    """Operations of one picture in the frozen and in the trained half."""
    import keras

    extractor = models.extractor
    (slice_,) = (x for x in extractor.layers if isinstance(x, keras.Model))
    shape = extractor.get_layer("slice_input").output.shape[1:]
    read = models.features.output.shape[1:]
    frozen = forward_flops(slice_, shape)
    if models.features is not extractor:  # the linear code: a product a cell
        frozen += 2 * math.prod(extractor.output.shape[1:]) * read[-1]
    return frozen, forward_flops(models.classifier, read)


def copy_rate(clock: str = "wall") -> float:
    """Bytes a second that one thread copies: reads and writes counted."""
    import numpy as np

    source = np.ones(1 << 25, np.float32)  # 128 MiB: no cache holds it
    target = np.empty_like(source)
    seconds = alternate({"copy": lambda: np.copyto(target, source)}, 5, clock)
    return 2 * source.nbytes / seconds["copy"]


def in_fresh_process(
    prepare: Callable[..., Call], *args: Any, clock: str = "wall"
) -> tuple[Any, float, float]:
    """Runs `prepare(*args)()` in a new interpreter.

    Args:
        prepare: A module's function that makes the inputs and returns what
            to time.
        *args: Its arguments.
        clock: As `--clock`.

    Returns:
        What the call returned, its seconds, and by how many bytes resident
        memory rose above what it was before the call (NaN without Linux).
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
        # Makes the peak what is resident now: see proc(5).
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


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Prints Markdown; numbers that are missing become a dash."""
    for line in markdown.table(
        header, [[_shown(cell) for cell in row] for row in rows]
    ):
        print(line)
    print(flush=True)


def _shown(cell: object) -> object:
    return "-" if isinstance(cell, float) and math.isnan(cell) else cell


def ratio(own: float, other: float) -> object:
    """`own / other` with two digits; NaN stays."""
    value = own / other
    return value if math.isnan(value) else f"{value:.2f}"


def number(value: float, digits: int = 1) -> object:
    """A rounded number; NaN stays."""
    return value if math.isnan(value) else f"{value:,.{digits}f}"
