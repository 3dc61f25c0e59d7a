"""The encoder with a head, and the optimizer that tunes both."""

import re
from typing import Any

import keras
import keras_hub

from text2image.bert.pooling import MODEL_BUILDERS

# Devlin et al. 2018, arXiv 1810.04805, A.2 and A.3.
DROPOUT = 0.1
_WEIGHT_DECAY = 0.01
_WARM_UP = 0.1  # share of the steps
_CLIP_NORM = 1.0
# Rate of a layer per rate of the next one: Sun et al. 2019, arXiv 1905.05583,
# section 5.3.3.
LAYER_DECAY = 0.95
_HEAD = "tuning_head"


def build_model(
    frozen: keras_hub.models.BertBackbone,
    layers: list[int],
    num_classes: int,
    *,
    pooling: str = "cls",
    dtype: str = "float32",
    seed: int = 0,
) -> tuple[keras_hub.models.BertBackbone, keras.Model]:
    """Builds the encoder with dropout and a head on its stack.

    The head sees the vectors of all chosen layers, since the images are made
    of them all. The last layer has no dropout of its own.

    Args:
        frozen: BERT without dropout; is left as it is.
        layers: L layer indices of the stack, ascending.
        num_classes: K.
        pooling: One of `options.POOLINGS`.
        dtype: Policy of the layers.
        seed: Seed of the head.

    Returns:
        The backbone that trains, and the model from its inputs to logits
        `(N, K)` float32.
    """
    keras.utils.set_random_seed(seed)
    config = {**frozen.get_config(), "dropout": DROPOUT, "dtype": dtype}
    backbone = keras_hub.models.BertBackbone.from_config(config)
    backbone.set_weights(frozen.get_weights())
    for own, other in zip(_norms(backbone), _norms(frozen), strict=True):
        own.epsilon = other.epsilon
    for own, other in zip(
        backbone.transformer_layers, frozen.transformer_layers, strict=True
    ):
        own.activation = other.activation
        own._feedforward_intermediate_dense.activation = (
            other._feedforward_intermediate_dense.activation
        )
    # All texts are of one segment: it would train as the positions do.
    backbone.get_layer("segment_embedding").trainable = False
    # It cancels in the softmax of the only query: see `pooling.FirstRow`.
    last = backbone.transformer_layers[layers[-1]]
    last._self_attention_layer.key_dense.bias.trainable = False
    stack = MODEL_BUILDERS[pooling](backbone, layers)
    x = keras.layers.Flatten(name="tuning_flatten")(stack.output)
    x = keras.layers.Dropout(DROPOUT, name="tuning_dropout")(x)
    logits = keras.layers.Dense(num_classes, dtype="float32", name=_HEAD)(x)
    return backbone, keras.Model(backbone.inputs, logits, name="tuning")


def _norms(
    backbone: keras_hub.models.BertBackbone,
) -> list[keras.layers.LayerNormalization]:
    norms = [backbone.get_layer("embeddings_layer_norm")]
    for layer in backbone.transformer_layers:
        norms += [
            layer._self_attention_layer_norm,
            layer._feedforward_layer_norm,
        ]
    return norms


def layer_factor(path: str, num_layers: int) -> float:
    """Returns the share of the highest rate that a variable trains at.

    Args:
        path: Path of the variable.
        num_layers: Layers of the encoder.
    """
    if _HEAD in path:
        return 1.0
    layer = re.search(r"transformer_layer_(\d+)", path)
    depth = num_layers - 1 - int(layer[1]) if layer else num_layers
    return LAYER_DECAY**depth


class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises from 0 over the warm-up, and falls to 0 at the end."""

    def __init__(self, rate: float, num_steps: int) -> None:
        """Takes the highest rate and the number of steps."""
        self._rate = rate
        self._num_steps = num_steps
        self._warm_up = max(1, round(_WARM_UP * num_steps))

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, counted from 0."""
        done = keras.ops.cast(step, "float32") + 1
        rising = done / self._warm_up
        falling = (self._num_steps + 1 - done) / (
            self._num_steps + 1 - self._warm_up
        )
        return self._rate * keras.ops.maximum(
            0.0, keras.ops.minimum(rising, falling)
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"rate": self._rate, "num_steps": self._num_steps}


class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW whose rate falls from the head down to the embeddings.

    Loshchilov and Hutter 2017, arXiv 1711.05101. Weight decay is at the highest
    rate everywhere; norms and biases have none.
    """

    def __init__(self, rate: float, num_steps: int, num_layers: int) -> None:
        """Takes the highest rate, the number of steps, and BERT's layers."""
        super().__init__(
            LinearSchedule(rate, num_steps),
            weight_decay=_WEIGHT_DECAY,
            epsilon=1e-6,  # as Devlin et al.'s code has it
            global_clipnorm=_CLIP_NORM,
        )
        self.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._num_layers = num_layers

    def apply(
        self,
        grads: list[Any],
        trainable_variables: list[keras.Variable] | None = None,
    ) -> None:
        """Takes a step, with gradients of embeddings as whole tensors.

        The global norm of sparse ones would count a repeated token as several.
        """
        dense = [keras.ops.convert_to_tensor(gradient) for gradient in grads]
        super().apply(dense, trainable_variables)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Updates one variable at the rate of its layer."""
        index = self._get_variable_index(variable)
        path = self._trainable_variables[index].path
        factor = layer_factor(path, self._num_layers)
        super().update_step(gradient, variable, learning_rate * factor)
