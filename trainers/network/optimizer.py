"""Adam with one learning rate per part of the model."""

from collections.abc import Mapping
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="text2image")
class PartwiseAdam(keras.optimizers.Adam):
    """Adam whose rate depends on the layer, or the first word of its name.

    Adam's step is proportional to its rate, so this equals one Adam per part
    (the published code's parameter groups).
    """

    def __init__(
        self,
        learning_rates: Mapping[str, float],
        *,
        decay_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        """Keeps one rate per part.

        Args:
            learning_rates: Part (a layer's name, or that up to the first `_`)
                to rate; "" stands for every other part.
            decay_steps: Steps over which every rate falls to 0 along a half
                cosine (Loshchilov and Hutter 2016, arXiv 1608.03983); 0
                keeps them constant.
            **kwargs: As `keras.optimizers.Adam`; `weight_decay` is taken at
                the first part's rate.
        """
        first = next(iter(learning_rates.values()))
        rate: Any = first
        if decay_steps:
            rate = keras.optimizers.schedules.CosineDecay(first, decay_steps)
        super().__init__(learning_rate=rate, **kwargs)
        self._first_rate = first
        self._decay_steps = decay_steps
        self._factors = {
            part: rate / first for part, rate in learning_rates.items()
        }

    def build(self, variables: list[keras.Variable]) -> None:
        """Finds the part of every variable.

        Raises:
            ValueError: If a variable belongs to no part.
        """
        paths = [variable.path for variable in variables]
        layers = [path.split("/")[0] for path in paths]
        parts = [
            layer if layer in self._factors else path.split("_")[0]
            for layer, path in zip(layers, paths, strict=True)
        ]
        others = self._factors.get("")
        strays = sorted(set(parts) - set(self._factors))
        if strays and others is None:
            raise ValueError(
                f"Every variable must belong to one of the parts "
                f"{sorted(self._factors)}. Received also: {strays}"
            )
        self._variable_factors = [
            self._factors.get(part, others) for part in parts
        ]
        super().build(variables)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Updates one variable at the rate of its part."""
        # Backends pass variables of their own: only the index is the same.
        factor = self._variable_factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        del config["learning_rate"]
        return {
            **config,
            "learning_rates": {
                part: self._first_rate * factor
                for part, factor in self._factors.items()
            },
            "decay_steps": self._decay_steps,
        }
