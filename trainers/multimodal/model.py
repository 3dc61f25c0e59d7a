"""Assembles image tower, text towers and head (the paper's Fig. 8).

    image -> frozen layers -> tuned layers -> pooled vector   +
    title vector -> tuning layer                              +-> dense -> K
    description vector -> tuning layer                        +

A modality that an example lacks, or that is dropped, has the vector 0. The
logits are therefore the sum of one term per tower and a bias, and the term of
one tower is what the model predicts with the others dropped.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from text2image.corpora.examples import CAPTIONS
from trainers.multimodal import towers
from trainers.multimodal.config import (
    PIXEL_RANGES,
    MultimodalTrainConfig,
)

# Adam moves the logits by the rate times the number of features, which is
# thousands here. Of 0.03, 0.1 and 1, the best loss on validation samples.
_GRID_SCALE = 0.1


@keras.saving.register_keras_serializable(package="text2image")
class ModalityDropout(keras.layers.Layer):
    """Drops modalities from examples in training, never the last one.

    Source: Neverova et al. 2015, arXiv 1501.00102, section 4.2 (ModDrop).
    """

    def __init__(self, rate: float, seed: int, **kwargs: Any) -> None:
        """Takes the probability of a drop and the seed of a generator.

        The generator is moved on for each epoch by `loop.seed_dropout`.
        """
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, present: Any, training: bool = False) -> Any:
        """Zeroes some of the ones of `present`, `(N, M)`."""
        if not training or not self.rate:
            return present
        uniform = keras.random.uniform(
            keras.ops.shape(present), seed=self.seed_generator
        )
        kept = present * keras.ops.cast(uniform >= self.rate, present.dtype)
        any_left = keras.ops.any(kept > 0, axis=1, keepdims=True)
        return keras.ops.where(any_left, kept, present)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `from_config`."""
        config = super().get_config()
        return {**config, "rate": self.rate, "seed": self.seed}


@dataclasses.dataclass(frozen=True)
class Models:
    """One network, whole and in halves that share their weights.

    Attributes:
        extractor: Images `(N, H, W, 3)` in [0, 255] to a list of feature
            maps; frozen. `None` without the modality `image`.
        classifier: `maps_<i>`, `text_vectors` `(N, F, D)` and `present`
            `(N, 1 + F)`, of F texts, to logits `(N, K)`; has the inputs of
            its modalities.
        vectors: The same inputs to each tower's vector and `fused`.
        whole: The same with `image` instead of feature maps, to the logits.
        missing: Layers of the image tower that the weights lacked.
    """

    extractor: keras.Model | None
    classifier: keras.Model
    vectors: keras.Model
    whole: keras.Model
    missing: tuple[str, ...]


def build_models(
    config: MultimodalTrainConfig,
    hidden_size: int,
    num_classes: int,
    fields: Sequence[str] = CAPTIONS,
) -> Models:
    """Builds the network of a run and loads the weights of its image tower.

    Args:
        config: The run's settings.
        hidden_size: D.
        num_classes: K.
        fields: Texts of the records, in the order of their vectors.

    Raises:
        FileNotFoundError: As `towers.build_tower`.
        ValueError: As `towers.build_tower`, or if `frozen_grid` has no
            feature maps.
        RuntimeError: As `towers.build_tower`.
    """
    keras.utils.set_random_seed(config.seed)
    inputs: dict[str, keras.KerasTensor] = {}
    vectors: dict[str, keras.KerasTensor] = {}
    extractor = None
    missing: tuple[str, ...] = ()
    if config.has_image:
        tower = _build_tower(config)
        missing = tower.missing
        extractor = _build_extractor(tower, config)
        for number, tensor in enumerate(extractor.outputs):
            name = f"maps_{number}"
            inputs[name] = keras.Input(tensor.shape[1:], name=name)
        vectors["image"] = _image_vector(config, tower, list(inputs.values()))
    if config.has_texts:
        name = "text_vectors"
        inputs[name] = keras.Input((len(fields), hidden_size), name=name)
    penalty = keras.regularizers.L2(config.l2) if config.l2 else None
    for column, name in enumerate(fields):
        if name in config.towers:
            x = _standardise(inputs["text_vectors"][:, column], f"{name}_norm")
            vectors[name] = keras.layers.Dense(
                config.text_units,
                activation="relu",
                kernel_regularizer=penalty,
                name=f"{name}_tuning",
            )(x)
    inputs["present"] = keras.Input((1 + len(fields),), name="present")
    fused = _fuse(config, vectors, inputs["present"], ("image", *fields))
    x = keras.layers.Dropout(
        config.dropout, seed=config.seed + 1, name="head_dropout"
    )(fused)
    logits = keras.layers.Dense(
        num_classes, kernel_regularizer=penalty, name="head_dense"
    )(x)
    classifier = keras.Model(inputs, logits, name="classifier")
    return Models(
        extractor,
        classifier,
        keras.Model(inputs, {**vectors, "fused": fused}, name="vectors"),
        _build_whole(config, extractor, classifier),
        missing,
    )


def _build_tower(config: MultimodalTrainConfig) -> towers.Tower:
    return towers.build_tower(
        config.backbone,
        config.image_size,
        frozen_fraction=config.frozen_fraction,
        source=config.weights,
        seed=config.seed,
    )


def check_tower(config: MultimodalTrainConfig) -> None:
    """Builds the image tower once, to refuse it before texts are encoded.

    Raises:
        FileNotFoundError, RuntimeError, ValueError: As `build_models`.
    """
    if not config.has_image:
        return
    extractor = _build_extractor(_build_tower(config), config)
    _check_grid(config, extractor.outputs)
    # Keras numbers layers over the process: the run's names must not change.
    keras.backend.clear_session()


def _check_grid(
    config: MultimodalTrainConfig, maps: list[keras.KerasTensor]
) -> None:
    if config.frozen_grid and any(len(tensor.shape) != 4 for tensor in maps):
        raise ValueError(
            "--frozen_grid must have feature maps to lay a grid over. "
            f"Received: --frozen_fraction={config.frozen_fraction}, with which "
            "the frozen layers give only a vector. Lower it, or leave the "
            "grid out."
        )


def _build_extractor(
    tower: towers.Tower, config: MultimodalTrainConfig
) -> keras.Model:
    size = config.image_size
    image = keras.Input((size, size, 3), name="image")
    scale, offset = PIXEL_RANGES[config.pixel_range]
    x = keras.layers.Rescaling(scale, offset, name="scaling")(image)
    maps = tower.frozen(x, training=False)
    maps = maps if isinstance(maps, list) else [maps]
    extractor = keras.Model(image, maps, name="feature_extractor")
    extractor.trainable = False
    return extractor


def _image_vector(
    config: MultimodalTrainConfig,
    tower: towers.Tower,
    maps: list[keras.KerasTensor],
) -> keras.KerasTensor:
    _check_grid(config, maps)
    vector = tower.tuned(maps)
    if not config.frozen_grid:
        return vector
    grids = []
    for number, tensor in enumerate(maps):
        rows, columns = (
            min(config.frozen_grid, size) for size in tensor.shape[1:3]
        )
        x = keras.layers.AdaptiveAveragePooling2D((rows, columns))(tensor)
        x = _standardise(keras.layers.Flatten()(x), f"head_grid_{number}")
        grids.append(keras.layers.Rescaling(_GRID_SCALE)(x))
    return keras.layers.Concatenate(name="image_vector")([vector, *grids])


def _standardise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Standardises each feature by its moving mean and deviation."""
    return keras.layers.BatchNormalization(
        momentum=towers.MOMENTUM, center=False, scale=False, name=name
    )(x)


def _fuse(
    config: MultimodalTrainConfig,
    vectors: dict[str, keras.KerasTensor],
    present: keras.KerasTensor,
    modalities: tuple[str, ...],
) -> keras.KerasTensor:
    """Concatenates the vectors, with zeros for absent modalities."""
    # Only modalities of this model, so that the one left is among them.
    columns = [modalities.index(name) for name in vectors]
    present = keras.ops.take(present, columns, axis=1)
    present = ModalityDropout(
        config.modality_dropout, config.seed, name="modality_dropout"
    )(present)
    masked = [
        vector * present[:, column : column + 1]
        for column, vector in enumerate(vectors.values())
    ]
    if len(masked) == 1:
        return masked[0]
    return keras.layers.Concatenate(name="fusion")(masked)


def _build_whole(
    config: MultimodalTrainConfig,
    extractor: keras.Model | None,
    classifier: keras.Model,
) -> keras.Model:
    inputs = {
        name: keras.Input(tensor.shape[1:], name=name)
        for name, tensor in classifier.input.items()
        if not name.startswith("maps_")
    }
    values = dict(inputs)
    if extractor is not None:
        size = config.image_size
        inputs["image"] = keras.Input((size, size, 3), name="image")
        values |= name_maps(extractor(inputs["image"]))
    return keras.Model(inputs, classifier(values), name="multimodal_classifier")


def name_maps(maps: Any) -> dict[str, Any]:
    """Names the extractor's outputs as the classifier's inputs."""
    maps = maps if isinstance(maps, list | tuple) else [maps]
    return {f"maps_{number}": value for number, value in enumerate(maps)}


def named_variables(models: Models) -> dict[str, keras.Variable]:
    """Returns every weight by `<layer>/<variable>`."""
    parts = [m for m in (models.extractor, models.classifier) if m is not None]
    return {
        f"{layer.name}/{variable.name}": variable
        for part in parts
        for layer in _leaves(part)
        for variable in layer.variables
        if variable.name != "seed_generator_state"
    }


def _leaves(model: keras.Model) -> list[keras.Layer]:
    return [
        leaf
        for layer in model.layers
        for leaf in (
            _leaves(layer) if isinstance(layer, keras.Model) else [layer]
        )
    ]
