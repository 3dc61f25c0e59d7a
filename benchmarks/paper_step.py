"""Times a step of the published recipe, and the same network in torch.

    python -m benchmarks.paper_step --backbone=wide_resnet

Images of 50 x 50 enlarged to 150 x 150, batches of 32, normalised per batch;
the frozen slice, four valid convolutions with batch norm and dropout, the dense
head; Adam with one rate for each of the two parts. Random weights: the time of
a step does not depend on them. Ours runs the whole network every step, as the
`paper` preset does.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, operations, peers, printing
from trainers import backbones, config


def torch_step(
    name: str, images: np.ndarray, flags: Any
) -> measuring.Call | None:
    """One training step in torch; `None` without torch or such a slice."""
    torch = peers.import_torch()
    if torch is None:
        return None
    slice_ = peers.torchvision_slice(name)
    if slice_ is None:
        return None
    nn = torch.nn
    torch.set_num_threads(flags.threads)
    device = torch.device("cuda" if flags.device == "gpu" else "cpu")
    # As published: the frozen slice normalises by each batch's statistics.
    slice_ = slice_.train().requires_grad_(False).to(device)
    backbone = backbones.BACKBONES[name]
    recipe = backbone.recipe
    layers: list[Any] = []
    channels = backbone.num_maps
    for filters in recipe.filters:
        layers += [
            nn.Conv2d(channels, filters, recipe.kernel_size),
            nn.ReLU(),
            nn.BatchNorm2d(filters),
            nn.Dropout(recipe.dropout),
        ]
        channels = filters
    layers += [nn.AdaptiveAvgPool2d(recipe.pool_size)]
    autoencoder = nn.Sequential(*layers).to(device)
    layers, inputs = [nn.Flatten()], channels * recipe.pool_size**2
    for units in recipe.hidden_units:
        layers += [nn.Linear(inputs, units), nn.ReLU()]
        inputs = units
    layers[-4:-4] = [nn.Dropout(0.3)]
    layers[-2:-2] = [nn.Dropout(0.3)]
    head = nn.Sequential(*layers, nn.Linear(inputs, 2)).to(device)
    adam = torch.optim.Adam(
        [
            {"params": autoencoder.parameters(), "lr": recipe.autoencoder_lr},
            {"params": head.parameters(), "lr": recipe.head_lr},
        ]
    )
    batch = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    labels = torch.arange(len(images)) % 2

    def step() -> float:
        x = batch.to(device)
        x = (x - x.mean()) / x.std()
        x = nn.functional.interpolate(x.expand(-1, 3, -1, -1), scale_factor=3)
        with torch.no_grad():
            maps = slice_(x)
        loss = nn.functional.cross_entropy(
            head(autoencoder(maps)), labels.to(device)
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return step


def keras_step(name: str, images: np.ndarray) -> tuple[measuring.Call, float]:
    """One training step of ours, and its operations."""
    import keras

    from trainers.network import model, optimizer

    fields = {field.name for field in dataclasses.fields(config.TrainConfig)}
    preset = config.PRESETS["paper"] | {"weights": "random", "backbone": name}
    train = config.TrainConfig(
        **{key: value for key, value in preset.items() if key in fields}
    )
    models = model.build_models(train, images.shape[1:], 2)
    models.whole.compile(
        optimizer=optimizer.PartwiseAdam(train.learning_rates),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    labels = np.arange(len(images)) % 2
    frozen, trained = operations.model_flops(models)
    step_flops = len(images) * (frozen + 3 * trained)
    return lambda: models.whole.train_on_batch(images, labels), step_flops


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per backbone."""
    parser = command.parser(__doc__, rounds=3)
    parser.add_argument(
        "--backbone", action="append", choices=tuple(backbones.BACKBONES)
    )
    parser.add_argument("--batch", type=int, default=32)
    flags = parser.parse_args(argv)

    peers.import_torch()  # before TensorFlow
    command.start(flags, "torch", "torchvision")
    images = np.random.default_rng(0).random(
        (flags.batch, 50, 50, 1), np.float32
    )
    rows = []
    for name in flags.backbone or ("wide_resnet", "vgg16"):
        theirs = torch_step(name, images, flags)
        ours, step_flops = keras_step(name, images)
        seconds = measuring.alternate(
            {"ours": ours, "torch": theirs, "matmul": operations.matmul()},
            flags.rounds,
            flags.clock,
        )
        limit = operations.MATMUL_FLOPS / seconds["matmul"]
        rows.append(
            (
                name,
                printing.number(1e3 * seconds["ours"], 0),
                printing.number(1e3 * seconds["torch"], 0),
                printing.ratio(seconds["torch"], seconds["ours"]),
                f"{step_flops / seconds['ours'] / limit:.0%}",
            )
        )
    printing.print_table(
        ("backbone", "ours, ms", "torch, ms", "ours faster by",
         "ours, of matmul's rate"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
