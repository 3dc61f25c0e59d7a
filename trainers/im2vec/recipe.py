"""Loss and optimizer of the published training."""

from typing import Any

import keras

from trainers.im2vec.config import Im2VecConfig


class CrossEntropy(keras.losses.Loss):
    """The cross-entropy of logits, or of their softmax as if it were logits.

    Not Keras's own, which undoes a softmax that it recognises.
    """

    def __init__(self, *, double_softmax: bool) -> None:
        """Takes whether the softmax is applied twice (the published code)."""
        super().__init__()
        self._double_softmax = double_softmax

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Labels `(N,)` and logits `(N, K)` to losses `(N,)`."""
        scores = keras.ops.softmax(y_pred) if self._double_softmax else y_pred
        chosen = keras.ops.one_hot(y_true, y_pred.shape[-1])
        return -keras.ops.sum(chosen * keras.ops.log_softmax(scores), axis=-1)


class DecayedSGD(keras.optimizers.SGD):
    """SGD with weight decay as in PyTorch: of biases too, before momentum."""

    def __init__(self, rate: float, momentum: float, decay: float) -> None:
        """Takes the learning rate, the momentum and the weight decay."""
        super().__init__(rate, momentum=momentum)
        self._decay = decay

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Updates one variable."""
        decayed = gradient + self._decay * keras.ops.cast(
            variable, gradient.dtype
        )
        super().update_step(decayed, variable, learning_rate)


def compile_network(model: keras.Model, config: Im2VecConfig) -> None:
    """Compiles a model that returns logits `(N, K)`."""
    model.compile(
        optimizer=DecayedSGD(
            config.learning_rate, config.momentum, config.weight_decay
        ),
        loss=CrossEntropy(double_softmax=config.double_softmax),
    )
    model.optimizer.build(model.trainable_variables)
