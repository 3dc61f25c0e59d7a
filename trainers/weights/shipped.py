"""The slices shipped with the package, pre-trained on CIFAR-10.

`data/cifar10/CARD.md` says how they were trained, and their accuracy.
"""

import numpy as np
import safetensors.numpy

from text2image import assets
from trainers import backbones

SHA256 = {
    "alexnet": (
        "6443275440714f0a2eb6aad154d36cfa601fd389df73a93a97146cc1eefcc19f"
    ),
    "resnet": (
        "50a2e5f979b6f0512b12ff94b5cf05d60ef11ab78592afc355d6e06750811556"
    ),
    "resnext": (
        "eea81677d381ae32e8a6a293ed8647a97490bef0377f680eaf11d5ade6ad2576"
    ),
    "shufflenet": (
        "b1a453f75b7fbae0950ab155b4eba0fe26b06311b87db5a7395ff7988b2c5991"
    ),
    "vgg16": (
        "774b8af0062aa560f728cbba96583752ff23a924de19f50b73467bb02e9885bc"
    ),
    "wide_resnet": (
        "5063428b07c0666689fcec62f70f3fe83a01e4aee5c7f147e68c66c5e90f0d00"
    ),
}


def cifar10_arrays(backbone: backbones.Backbone) -> dict[str, np.ndarray]:
    """Returns canonical name to float16 array, for a shipped slice.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it was altered.
    """
    name = f"data/cifar10/{backbone.name}.safetensors"
    (path,) = assets.verified("trainers.weights", {name: SHA256[backbone.name]})
    return safetensors.numpy.load_file(path)
