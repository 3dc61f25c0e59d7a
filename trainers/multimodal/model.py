"""Assembles image tower, text towers and head (the paper's Fig. 8).

    image -> frozen layers -> tuned layers -> pooled vector   +
    title vector -> tuning layer                              +-> dense -> K
    description vector -> tuning layer                        +

A modality that an example lacks, or that is taken away, has the vector 0. The
classes' logits are therefore the sum of what each tower says and a bias, and
what one tower says alone is the model's answer with the others taken away.
"""

import dataclasses
from typing import Any

import keras

from trainers.multimodal import towers
from trainers.multimodal.config import MODALITIES, MultimodalTrainConfig

# Adam moves the logits by the rate times the number of features, which are
# thousands here. On validation samples of 0.03, 0.1 and 1 the best loss.
_GRID_SCALE = 0.1


@keras.saving.register_keras_serializable(package="text2image")
class ModalityDropout(keras.layers.Layer):
    """Takes modalities from examples in training, never the last one.

    Source: Neverova et al. 2015, arXiv 1501.00102, section 4.2 (ModDrop).
    """

    def __init__(self, rate: float, seed: int, **kwargs: Any) -> None:
        """Keeps the rate and a seed, which `loop.seed_dropout` moves on."""
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, present: Any, training: bool = False) -> Any:
        """`(N, M)` of 0 and 1 to the same with fewer 1."""
        if not training or not self.rate:
            return present
        drawn = keras.random.uniform(
            keras.ops.shape(present), seed=self.seed_generator
        )
        kept = present * keras.ops.cast(drawn >= self.rate, present.dtype)
        left = keras.ops.any(kept > 0, axis=1, keepdims=True)
        return keras.ops.where(left, kept, present)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        config = super().get_config()
        return {**config, "rate": self.rate, "seed": self.seed}


@dataclasses.dataclass(frozen=True)
class Models:
    """One network, whole and in halves that share their weights.

    Attributes:
        extractor: Pictures `(N, H, W, 3)`, 0 to 255, to a list of maps;
            nothing in it trains. `None` without the modality `image`.
        classifier: `maps_<i>`, `text_vectors` `(N, 2, D)` and `present`
            `(N, 3)` to logits `(N, K)`; takes what its modalities need.
        vectors: The same inputs to each tower's vector and `fused`.
        whole: `image` instead of the maps, to the logits.
        missing: Layers of the image tower that the weights had not.
    """

    extractor: keras.Model | None
    classifier: keras.Model
    vectors: keras.Model
    whole: keras.Model
    missing: tuple[str, ...]


def build_models(
    config: MultimodalTrainConfig, hidden_size: int, num_classes: int
) -> Models:
    """Builds the network of a run; its image tower has its weights.

    Args:
        config: The run's settings.
        hidden_size: D.
        num_classes: K.

    Raises:
        As `towers.build_tower`.
    """
    keras.utils.set_random_seed(config.seed)
    inputs: dict[str, keras.KerasTensor] = {}
    vectors: dict[str, keras.KerasTensor] = {}
    extractor = None
    missing: tuple[str, ...] = ()
    if "image" in config.towers:
        tower = towers.build_tower(
            config.backbone,
            config.image_size,
            frozen_fraction=config.frozen_fraction,
            source=config.weights,
            seed=config.seed,
        )
        missing = tower.missing
        extractor = _build_extractor(tower, config.image_size)
        for place, tensor in enumerate(extractor.outputs):
            name = f"maps_{place}"
            inputs[name] = keras.Input(tensor.shape[1:], name=name)
        vectors["image"] = _image_vector(config, tower, list(inputs.values()))
    if set(config.towers) != {"image"}:
        name = "text_vectors"
        inputs[name] = keras.Input((2, hidden_size), name=name)
    penalty = keras.regularizers.L2(config.l2) if config.l2 else None
    for place, name in enumerate(("title", "description")):
        if name in config.towers:
            x = _standardise(inputs["text_vectors"][:, place], f"{name}_norm")
            vectors[name] = keras.layers.Dense(
                config.text_units,
                activation="relu",
                kernel_regularizer=penalty,
                name=f"{name}_tuning",
            )(x)
    inputs["present"] = keras.Input((len(MODALITIES),), name="present")
    fused = _fuse(config, vectors, inputs["present"])
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


def _build_extractor(tower: towers.Tower, image_size: int) -> keras.Model:
    image = keras.Input((image_size, image_size, 3), name="image")
    x = keras.layers.Rescaling(towers.SCALE, towers.OFFSET, name="scaling")(
        image
    )
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
    if config.frozen_grid and any(len(tensor.shape) != 4 for tensor in maps):
        raise ValueError(
            "--frozen_grid needs maps to lay a grid over: with "
            f"--frozen_fraction={config.frozen_fraction} nothing but a vector "
            "leaves the frozen layers. Lower it, or leave the grid out."
        )
    vector = tower.tuned(maps)
    if not config.frozen_grid:
        return vector
    seen = []
    for place, tensor in enumerate(maps):
        rows, columns = (
            min(config.frozen_grid, size) for size in tensor.shape[1:3]
        )
        x = keras.layers.AdaptiveAveragePooling2D((rows, columns))(tensor)
        x = _standardise(keras.layers.Flatten()(x), f"head_grid_{place}")
        seen.append(keras.layers.Rescaling(_GRID_SCALE)(x))
    return keras.layers.Concatenate(name="image_vector")([vector, *seen])


def _standardise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Each feature to mean 0 and deviation 1 over the train split."""
    return keras.layers.BatchNormalization(
        momentum=towers.MOMENTUM, center=False, scale=False, name=name
    )(x)


def _fuse(
    config: MultimodalTrainConfig,
    vectors: dict[str, keras.KerasTensor],
    present: keras.KerasTensor,
) -> keras.KerasTensor:
    """Concatenates what is present, zeros for what is not."""
    # Of modalities the model has not, none is left over to be kept.
    columns = [MODALITIES.index(name) for name in vectors]
    present = keras.ops.take(present, columns, axis=1)
    present = ModalityDropout(
        config.modality_dropout, config.seed, name="modality_dropout"
    )(present)
    masked = [
        vector * present[:, place : place + 1]
        for place, vector in enumerate(vectors.values())
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
    """The extractor's outputs by the names of the classifier's inputs."""
    maps = maps if isinstance(maps, list | tuple) else [maps]
    return {f"maps_{place}": value for place, value in enumerate(maps)}


def named_variables(models: Models) -> dict[str, keras.Variable]:
    """Every weight by `<layer>/<variable>`."""
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
