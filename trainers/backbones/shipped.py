"""The early layers that come with the package, pre-trained on CIFAR-10.

`data/cifar10/CARD.md` says how they were made and what they reached.
"""

import numpy as np
import safetensors.numpy

from text2image import assets
from trainers import backbones

SHA256: dict[str, str] = {}


def cifar10_arrays(backbone: backbones.Backbone) -> dict[str, np.ndarray]:
    """Returns the shipped weights of a slice, float16, by canonical name.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it was altered.
    """
    name = f"data/cifar10/{backbone.name}.safetensors"
    (path,) = assets.verified(
        "trainers.backbones", {name: SHA256[backbone.name]}
    )
    return safetensors.numpy.load_file(path)
