"""Times every frozen slice, and torchvision's in the same run.

    python -m benchmarks.backbones --size=50 --batch=64

Forward only, float32, inference mode, on the CPU unless Keras finds another
device. Where torch and torchvision can be imported, each round times both
libraries in turn, with the same number of threads; the table gives the best
round, the one that others on the machine disturbed least.
"""

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as every program

import numpy as np

from trainers import backbones

Forward = Callable[[], object]


def keras_forward(
    backbone: backbones.Backbone, images: np.ndarray, threads: int
) -> tuple[Forward, int]:
    """Returns a compiled forward pass and the number of parameters."""
    import tensorflow as tf

    from trainers.weights import load

    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    slice_ = backbones.build_slice(backbone)
    load.load_weights(slice_, backbone, "random")
    slice_.trainable = False
    function = tf.function(slice_, autograph=False)
    batch = tf.constant(images)
    return lambda: function(batch).numpy(), slice_.count_params()


def torch_forward(
    name: str, images: np.ndarray, threads: int
) -> Forward | None:
    """Returns torchvision's forward pass; None if it has no such slice."""
    import torch

    from tests.golden import make_backbones

    models = make_backbones.import_models()
    torch.set_num_threads(threads)
    if name == "vgg16":
        slice_ = models.vgg16(weights=None).features[:12]
    elif name in make_backbones.PREFIXES:
        slice_ = make_backbones.build_slice(models, name)
    else:
        return None
    slice_.eval()
    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))

    def forward() -> object:
        with torch.inference_mode():
            return slice_(batch).numpy()

    return forward


def rate(forward: Forward, count: int, seconds: float) -> float:
    """Images per second over at least `seconds`."""
    runs, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds or not runs:
        forward()
        runs += 1
    return runs * count / passed


def best_rates(
    forwards: Sequence[Forward | None],
    count: int,
    rounds: int,
    seconds: float,
) -> list[float]:
    """Times each in turn, `rounds` times, after one call to warm up.

    Returns:
        Images per second; NaN for what is None.
    """
    for forward in forwards:
        if forward is not None:
            forward()
    rates: list[list[float]] = [[] for _ in forwards]
    for _ in range(rounds):
        for forward, own in zip(forwards, rates, strict=True):
            if forward is not None:
                own.append(rate(forward, count, seconds))
    return [max(own, default=math.nan) for own in rates]


def has_torch() -> bool:
    """Says whether torchvision can be imported, and why not."""
    try:
        from tests.golden import make_backbones

        make_backbones.import_models()
    except ImportError as error:
        print(f"torchvision is not timed: {error}.\n")
        return False
    return True


def main() -> None:
    """Prints one row per backbone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0))
    )
    flags = parser.parse_args()
    # Before TensorFlow: only then can torch replace its `register_fake`.
    with_torch = has_torch()
    images = np.random.default_rng(0).normal(
        size=(flags.batch, flags.size, flags.size, 3)
    )
    images = images.astype("float32")
    print(
        f"{flags.batch} images of {flags.size} x {flags.size}, "
        f"{flags.threads} threads, best of {flags.rounds} rounds\n\n"
        "| backbone | parameters | maps | images/s | torchvision | ratio |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    for name, backbone in backbones.BACKBONES.items():
        ours, parameters = keras_forward(backbone, images, flags.threads)
        theirs = (
            torch_forward(name, images, flags.threads) if with_torch else None
        )
        own, other = best_rates(
            (ours, theirs), flags.batch, flags.rounds, flags.seconds
        )
        side = backbone.map_size(flags.size)
        compared = f"{other:.0f} | {own / other:.2f}" if theirs else "- | -"
        print(
            f"| {name} | {parameters:,} | {side} x {side} x "
            f"{backbone.num_maps} | {own:.0f} | {compared} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
