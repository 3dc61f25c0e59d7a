"""The dense head: hidden layers and logits.

Layer names start with `head`: by that name, the optimiser gives them their own
learning rate.
"""

import keras

# Logits are float32 in whatever precision the rest computes.
FLOAT32_LAYERS = ("head_logits", "head_shortcut", "head_sum")


def build_head(
    code: keras.KerasTensor,
    num_classes: int,
    *,
    hidden_units: tuple[int, ...],
    dropout: float,
    dropout_before: tuple[int, ...],
    l2: float = 0.0,
    shortcut: bool = False,
) -> keras.KerasTensor:
    """Flattens the code and classifies it.

    Args:
        code: Symbolic `(N, h, w, c)`.
        num_classes: K.
        hidden_units: Widths of the layers before the logits.
        dropout: Dropout rate.
        dropout_before: Numbers of the layers with dropout in front of them,
            from 0.
        l2: Penalty on the sum of squares of every kernel, in the loss.
            Decay outside the gradient (AdamW) did not regularise a head of
            thousands of correlated inputs (docs/results/ablations.md).
        shortcut: Also adds a linear map from the code to the logits, 0 at
            first: [CLS] vectors are nearly linearly separable, and hidden
            layers with dropout alone fall short of it
            (docs/results/ablations.md).

    Returns:
        Symbolic logits `(N, K)`, float32 under any precision policy.
    """
    penalty = keras.regularizers.L2(l2) if l2 else None
    flat = x = keras.layers.Flatten(name="head_flatten")(code)
    last = len(hidden_units)
    for index, units in enumerate((*hidden_units, num_classes)):
        if dropout and index in dropout_before:
            x = keras.layers.Dropout(
                dropout, seed=100 + index, name=f"head_dropout{index}"
            )(x)
        x = keras.layers.Dense(
            units,
            activation=None if index == last else "relu",
            # Xavier uniform with ReLU's gain, as the published code.
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_avg", distribution="uniform"
            ),
            kernel_regularizer=penalty,
            dtype="float32" if index == last else None,
            name="head_logits" if index == last else f"head_dense{index}",
        )(x)
    if not shortcut:
        return x
    linear = keras.layers.Dense(
        num_classes,
        use_bias=False,
        kernel_initializer="zeros",
        kernel_regularizer=penalty,
        dtype="float32",
        name="head_shortcut",
    )(flat)
    return keras.layers.Add(dtype="float32", name="head_sum")([x, linear])
