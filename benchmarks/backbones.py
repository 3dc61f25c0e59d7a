"""Times every frozen slice, and torchvision's in the same run.

    python -m benchmarks.backbones --size=50 --batch=64

Call only, float32, inference mode. If torch and torchvision are installed,
each round times both libraries in turn, with the same number of threads; the
table gives the best round, which other programs on the machine disturbed
least.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks import command, measuring, peers, printing
from benchmarks.measuring import Call
from trainers import backbones


def keras_forward(
    backbone: backbones.Backbone, images: np.ndarray
) -> tuple[Call, int]:
    """Returns a compiled forward pass and the number of parameters."""
    import tensorflow as tf

    from trainers.backbones.slices import build_slice
    from trainers.weights import load

    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, "random")
    slice_.trainable = False
    function = tf.function(slice_, autograph=False)
    batch = tf.constant(images)
    return lambda: function(batch).numpy(), slice_.count_params()


def torch_forward(
    name: str, images: np.ndarray, threads: int, device: str
) -> Call | None:
    """Returns torchvision's forward pass; `None` if there is none."""
    slice_ = peers.torchvision_slice(name)
    if slice_ is None:
        return None
    import torch

    torch.set_num_threads(threads)
    where = torch.device("cuda" if device == "gpu" else "cpu")
    slice_ = slice_.eval().to(where)
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    batch = torch.from_numpy(channels_first).to(where)

    def forward() -> object:
        with torch.inference_mode():
            return slice_(batch).cpu().numpy()

    return forward


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per backbone."""
    parser = command.parser(__doc__, rounds=20)
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--batch", type=int, default=64)
    flags = parser.parse_args(argv)
    peers.import_torch()  # before TensorFlow
    command.start(flags, "torch", "torchvision")
    images = np.random.default_rng(0).normal(
        size=(flags.batch, flags.size, flags.size, 3)
    )
    images = images.astype("float32")
    rows = []
    for name, backbone in backbones.BACKBONES.items():
        ours, parameters = keras_forward(backbone, images)
        theirs = torch_forward(name, images, flags.threads, flags.device)
        seconds = measuring.alternate(
            {"ours": ours, "theirs": theirs}, flags.rounds, flags.clock
        )
        side = backbone.map_size(flags.size)
        rows.append(
            (
                name,
                f"{parameters:,}",
                f"{side} x {side} x {backbone.num_maps}",
                printing.number(flags.batch / seconds["ours"], 0),
                printing.number(flags.batch / seconds["theirs"], 0),
                printing.ratio(seconds["theirs"], seconds["ours"]),
            )
        )
    print(f"{flags.batch} images of {flags.size} x {flags.size}\n")
    printing.print_table(
        ("backbone", "parameters", "maps", "images/s", "torchvision", "ratio"),
        rows,
    )


if __name__ == "__main__":
    main()
