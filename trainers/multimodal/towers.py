"""The image tower: a whole keras.applications model, its first part frozen.

Its output is the pooled features. It is cut where freezing ends, so that the
frozen part's output can be computed once.
"""

import dataclasses
import re

import keras
from absl import logging

from trainers.multimodal import imagenet
from trainers.weights import fitting, load, readers, sources

_BUILDERS = {
    "resnet50v2": keras.applications.ResNet50V2,
    "inceptionv3": keras.applications.InceptionV3,
    "mobilenetv2": keras.applications.MobileNetV2,
}
# What a file of the full architecture holds after its pooled features: the
# classifier.
_CLASSIFIER = r"(predictions|probs)$"
# Names that Keras numbers over a whole process.
_NUMBERED = re.compile(
    r"(input_layer|conv2d|batch_normalization|activation|concatenate|"
    r"(?:max|average)_pooling2d|global_average_pooling2d)(?:_(\d+))?$"
)
# Momentum of batch norm's moving statistics. keras.applications has 0.99, and
# 0.999 in MobileNetV2: after a few hundred steps, the statistics would still be
# close to their initial values.
MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Tower:
    """An image tower in two halves.

    Attributes:
        frozen: Scaled pixels, `(N, H, W, 3)`, to the list of tensors that
            the other half takes; batch norm in inference mode.
        tuned: That list to the pooled vector `(N, C)`.
        missing: Names of the layers that the weights lacked.
    """

    frozen: keras.Model
    tuned: keras.Model
    missing: tuple[str, ...]


def build_tower(
    backbone: str,
    image_size: int,
    *,
    frozen_fraction: float,
    source: str,
    seed: int,
) -> Tower:
    """Builds a tower with its weights.

    Args:
        backbone: One of `config.TOWERS`.
        image_size: Height and width of its images.
        frozen_fraction: Share of its layers, counted from the input layer,
            that are frozen (3.3 of the paper: half).
        source: `imagenet`, `random` (He normal) or a file's path.
        seed: Seed of `random`, and of layers that a file lacks.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file holds a different architecture.
        RuntimeError: If `imagenet` cannot be downloaded.
    """
    full = _build_full(backbone, image_size, source)
    missing: tuple[str, ...] = ()
    if source != "imagenet":
        missing = _load(full, backbone, source, seed)
    frozen, tuned = cut(full, frozen_fraction)
    quiet_branches(tuned, missing)
    if missing and source != "random":
        _warn(missing, frozen, source)
    return Tower(frozen, tuned, missing)


def cut(
    full: keras.Model, frozen_fraction: float
) -> tuple[keras.Model, keras.Model]:
    """Cuts a model after a share of its layers.

    Returns:
        The first part, frozen, whose outputs are all tensors that cross the
        cut; and the rest, which takes them.
    """
    layers = full.layers
    number = max(round(frozen_fraction * len(layers)), 1)
    first = {id(layer.output): layer.output for layer in layers[:number]}
    crossing: dict[int, keras.KerasTensor] = {}
    for layer in layers[number:]:
        taken = layer.input if isinstance(layer.input, list) else [layer.input]
        crossing |= {id(t): t for t in taken if id(t) in first}
    tensors = list(crossing.values()) or [full.output]
    frozen = keras.Model(full.input, tensors, name="frozen_tower")
    frozen.trainable = False
    if crossing:
        return frozen, keras.Model(tensors, full.output, name="tuned_tower")
    vector = keras.Input(full.output.shape[1:])
    return frozen, keras.Model([vector], keras.layers.Identity()(vector))


def _build_full(backbone: str, image_size: int, source: str) -> keras.Model:
    try:
        if source == "imagenet":
            imagenet.check_available(backbone, image_size)
        full = _BUILDERS[backbone](
            include_top=False,
            weights="imagenet" if source == "imagenet" else None,
            input_shape=(image_size, image_size, 3),
            pooling="avg",
        )
    except Exception as error:
        if source != "imagenet":
            raise
        raise RuntimeError(
            f"The ImageNet weights of {backbone} could not be downloaded "
            f"({error}). Without a network, name a file with --weights=PATH, "
            "or use --weights=random."
        ) from error
    # Weights are found by layer names: the names of a fresh process.
    names = _fresh_names([layer.name for layer in full.layers])

    def renamed(layer: keras.Layer) -> keras.Layer:
        config = {**layer.get_config(), "name": names[layer.name]}
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = MOMENTUM
        return type(layer).from_config(config)

    tower = keras.models.clone_model(full, clone_function=renamed)
    tower.set_weights(full.get_weights())
    return tower


def _fresh_names(names: list[str]) -> dict[str, str]:
    numbered: dict[str, list[tuple[int, str]]] = {}
    fresh = {}
    for name in names:
        match = _NUMBERED.match(name)
        fresh[name] = name
        if match:
            number = int(match[2] or 0)
            numbered.setdefault(match[1], []).append((number, name))
    for kind, members in numbered.items():
        for index, (_, name) in enumerate(sorted(members)):
            fresh[name] = f"{kind}_{index}" if index else kind
    return fresh


def _load(
    full: keras.Model, backbone: str, source: str, seed: int
) -> tuple[str, ...]:
    """Sets every weight; returns the layers that the source lacked."""
    arrays = load.random_arrays(full, seed)
    given: readers.Arrays = {}
    if source != "random":
        read = readers.read_arrays(
            sources.file_of(source), full, backbone, _CLASSIFIER
        )
        given = fitting.fit_arrays(full, read, source, whole=False)
    for name, variable in fitting.slice_variables(full).items():
        variable.assign(given.get(name, arrays[name]))
    layers = {name.rpartition("/")[0] for name in given}
    return tuple(
        layer.name
        for layer in full.layers
        if layer.weights and layer.name not in layers
    )


def quiet_branches(tuned: keras.Model, missing: tuple[str, ...]) -> None:
    """Starts random residual blocks as their shortcuts.

    The last layer of each branch starts at 0 (Goyal et al. 2017, arXiv
    1706.02677, section 5.1), so that the features of earlier layers reach
    the classes from the first step.
    """
    for layer in tuned.layers:
        if not isinstance(layer, keras.layers.Add):
            continue
        # In keras.applications the branch is the second of the two.
        last = layer.input[-1]._keras_history.operation
        if last.name in missing:
            is_norm = isinstance(last, keras.layers.BatchNormalization)
            weight = last.gamma if is_norm else last.kernel
            weight.assign(keras.ops.zeros_like(weight))


def _warn(missing: tuple[str, ...], frozen: keras.Model, source: str) -> None:
    stuck = [layer.name for layer in frozen.layers if layer.name in missing]
    logging.warning(
        "weights: %s lacks %d layers, from %s to %s: they start at random",
        source,
        len(missing),
        missing[0],
        missing[-1],
    )
    if stuck:
        logging.warning(
            "weights: %d of them are frozen and stay random, from %s to %s; "
            "use a smaller --frozen_fraction to train them",
            len(stuck),
            stuck[0],
            stuck[-1],
        )
