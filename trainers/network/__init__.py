"""The network between image and logits.

Importing this package registers its layers, so that `keras.models.load_model`
can read a model that was saved from `trainers.load(workdir)`.
"""

# Imports the modules of all other layers.
from trainers.network import model

__all__ = ["model"]
