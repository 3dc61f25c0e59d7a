"""Assembles the model; the one place where anything is frozen.

image -> contrast -> normalisation -> three channels -> upsampling -> slice
maps -> autoencoder -> dense head -> logits

The first line is the extractor. What never changes is a model of its own, so
that its output can be computed once: the extractor, and the autoencoder if
that is solved for and not trained.
"""

import dataclasses
from typing import Any

import keras

from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.config import TrainConfig
from trainers.network import autoencoder, head, input_layers, linear_autoencoder
from trainers.weights import load

# Three linear layers with the logits, as the paper says (its code has four).
# It gives no widths; ours are small and were not tuned.
_SYMMETRIC_HIDDEN = (64, 32)
_PAPER_DROPOUT = 0.3  # in the published head
# Names of layers.
CONTRAST = "contrast"
NORMALIZATION = "normalization"
LINEAR_CODE = "autoencoder_linear"


@dataclasses.dataclass(frozen=True)
class Models:
    """One network, whole and in halves that share their weights.

    Attributes:
        extractor: Images `(N, H, W, C)` to feature maps `(N, h, w, M)`.
        features: Images to what the classifier reads; nothing in it trains.
            The extractor, followed by the linear code `(N, h, w, S)` if there
            is one.
        classifier: Features to `(N, K)` logits.
        whole: Images to `(N, K)` logits.
    """

    extractor: keras.Model
    features: keras.Model
    classifier: keras.Model
    whole: keras.Model

    @property
    def contrast(self) -> input_layers.Contrast | None:
        """The layer with the mean train image, if images are moved to it."""
        return _find_layer(self.extractor, CONTRAST)

    @property
    def dataset_normalization(self) -> input_layers.DatasetNormalization | None:
        """The layer with the mean of all pixels, if there is one."""
        layer = _find_layer(self.extractor, NORMALIZATION)
        is_fitted = isinstance(layer, input_layers.DatasetNormalization)
        return layer if is_fitted else None

    @property
    def linear_code(self) -> linear_autoencoder.LinearReconstruction | None:
        """The linear autoencoder, if there is one."""
        return _find_layer(self.features, LINEAR_CODE)

    @property
    def standardization(self) -> autoencoder.CellStandardization | None:
        """The first layer of the symmetric autoencoder, if there is one."""
        return _find_layer(self.classifier, autoencoder.STANDARDIZATION)


def split_at_maps(whole: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Splits a network where the slice ends.

    Args:
        whole: `Models.whole`.

    Returns:
        Images `(N, H, W, C)` to feature maps `(N, h, w, M)`, and feature maps
        to `(N, K)` logits; they share the weights of the whole.
    """
    _, features, classifier = whole.layers
    code = _find_layer(features, LINEAR_CODE)
    if code is None:
        return features, classifier
    maps = keras.Input(tuple(code.input.shape[1:]), name="maps")
    return (
        keras.Model(features.input, code.input, name="feature_extractor"),
        keras.Model(maps, classifier(code(maps)), name="after_the_slice"),
    )


def _find_layer(model: keras.Model, name: str) -> Any:
    """Returns the layer with a name, or `None`."""
    return next((layer for layer in model.layers if layer.name == name), None)


def build_models(
    config: TrainConfig, image_shape: tuple[int, ...], num_classes: int
) -> Models:
    """Builds the network of a run and loads the weights of its slice.

    The rest starts at random, drawn from the seed of the run.

    Args:
        config: Settings of the run.
        image_shape: (H, W, C); C is 1 or 3.
        num_classes: K.

    Raises:
        ValueError: If the images are too small for the slice or the maps for
            the autoencoder, if C is neither 1 nor 3, or if the weights do not
            fit.
    """
    keras.utils.set_random_seed(config.seed)
    extractor = build_extractor(config, image_shape)
    features = extractor
    if config.autoencoder == "linear":
        code = linear_autoencoder.LinearReconstruction(
            image_shape, name=LINEAR_CODE
        )
        features = keras.Model(
            extractor.input, code(extractor.output), name="features"
        )
    classifier = build_classifier(
        config, tuple(features.output.shape[1:]), num_classes
    )
    image = keras.Input(image_shape, name="image")
    whole = keras.Model(
        image, classifier(features(image)), name="text_as_image_classifier"
    )
    return Models(extractor, features, classifier, whole)


def build_extractor(
    config: TrainConfig, image_shape: tuple[int, ...]
) -> keras.Model:
    """Builds the frozen half; some of its layers still have to be fitted."""
    backbone = backbones.get_backbone(config.backbone)
    config.check_image_size(*image_shape[:2])
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, config.weights, seed=config.seed)
    if config.slice_depth:
        cut = backbone.earlier_cuts[config.slice_depth - 1]
        slice_ = keras.Model(
            slice_.input, slice_.get_layer(cut).output, name=slice_.name
        )
    _freeze(slice_, config.slice_batch_norm, config.trainable_slice)
    image = keras.Input(image_shape, name="image")
    prepared = prepare_image(config, image)
    return keras.Model(image, slice_(prepared), name="feature_extractor")


def prepare_image(
    config: TrainConfig, image: keras.KerasTensor
) -> keras.KerasTensor:
    """Adds the layers between an image and the slice.

    Args:
        config: Settings of the run.
        image: `(N, H, W, C)`.

    Returns:
        `(N, H * enlargement, W * enlargement, 3)`, in the range of the slice.

    Raises:
        ValueError: If C is neither 1 nor 3.
    """
    x = image
    channels = image.shape[-1]
    if config.contrast != 1:
        x = input_layers.Contrast(config.contrast, name=CONTRAST)(x)
    if config.normalization == "dataset":
        x = input_layers.DatasetNormalization(name=NORMALIZATION)(x)
    elif config.normalization != "none":
        x = input_layers.ZNormalization(
            config.normalization, name=NORMALIZATION
        )(x)
    if channels == 1:
        x = keras.layers.Concatenate(name="three_channels")([x, x, x])
    elif channels != 3:
        raise ValueError(
            f"Images must have 1 or 3 channels. Received: {channels}. Build "
            "records with --channels=grey or --channels=layers."
        )
    if config.enlargement > 1:
        x = keras.layers.UpSampling2D(config.enlargement, name="upsampling")(x)
    return input_layers.SliceInput(
        backbones.get_backbone(config.backbone).preprocessing,
        standardized=config.normalization != "none",
        name="slice_input",
    )(x)


def _freeze(slice_: keras.Model, batch_norm: str, is_trained: bool) -> None:
    """Freezes what does not train; in `training` the statistics still drift."""
    norms = [
        layer
        for layer in slice_.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if batch_norm == "inference":
        # Batch norm that is not trainable always runs in inference mode.
        for layer in norms if is_trained else [slice_]:
            layer.trainable = False
        return
    for weight in () if is_trained else slice_.weights:
        weight.trainable = False
    for layer in norms:
        layer.momentum = 0.9  # torch's 0.1


def build_classifier(
    config: TrainConfig, maps_shape: tuple[int, ...], num_classes: int
) -> keras.Model:
    """Builds the trainable half: features to `(N, K)` logits.

    With the linear autoencoder it is the head alone and reads the code.

    Args:
        config: Settings of the run.
        maps_shape: (h, w, M) of the feature maps or the linear code.
        num_classes: K.
    """
    maps = keras.Input(maps_shape, name="maps")
    if config.autoencoder == "paper":
        recipe = backbones.get_backbone(config.backbone).recipe
        code = autoencoder.build_paper_autoencoder(maps, recipe)
        logits = head.build_head(
            code,
            num_classes,
            hidden_units=recipe.hidden_units,
            dropout=_PAPER_DROPOUT,
            # Before the two layers in front of the logits.
            dropout_before=(
                len(recipe.hidden_units) - 2,
                len(recipe.hidden_units) - 1,
            ),
        )
    else:
        code = maps
        if config.autoencoder == "symmetric":
            code = autoencoder.build_symmetric_autoencoder(
                maps,
                bottleneck=config.bottleneck,
                reconstruction_weight=config.reconstruction_weight,
            )
        logits = head.build_head(
            code,
            num_classes,
            hidden_units=_SYMMETRIC_HIDDEN,
            dropout=config.dropout,
            dropout_before=(0,),
            l2=config.l2,
            shortcut=True,
        )
    return keras.Model(maps, logits, name="classifier")
