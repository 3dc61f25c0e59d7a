"""Text as an image, from Python.

`TextImageClassifier` classifies texts; `TextToStack` and `DeepInsight` are the
steps before it, for pipelines of scikit-learn; `load` and `explain` read runs.
Everything is imported when it is first used.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from text2image.bert.text_to_stack import TextToStack
    from text2image.deepinsight.transformer import DeepInsight
    from trainers.estimators.explain import explain
    from trainers.estimators.text_image_classifier import TextImageClassifier
    from trainers.serving.keras_model import load

__all__ = [
    "DeepInsight",
    "TextImageClassifier",
    "TextToStack",
    "__version__",
    "explain",
    "load",
]

_MODULES = {
    "DeepInsight": "text2image.deepinsight.transformer",
    "TextImageClassifier": "trainers.estimators.text_image_classifier",
    "TextToStack": "text2image.bert.text_to_stack",
    "explain": "trainers.estimators.explain",
    "load": "trainers.serving.keras_model",
}


def __getattr__(name: str) -> typing.Any:
    """Imports a public name; what TensorFlow reads at its start is set."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version(
            "text-as-image"
        )
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    process = importlib.import_module("tfrecords.process")
    process.set_environment()
    process.import_tensorflow()
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Lists the public names."""
    return __all__
