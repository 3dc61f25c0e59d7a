"""Registers every layer: import it before Keras loads a saved model."""

from text_as_image import load  # noqa: F401
