"""The slices of the paper's Table I, cut out of torchvision's models.

A reference for tests and benchmarks, never a dependency of the project.
"""

from typing import Any

import torch

# Slice to: index in the Sequential of `build_slice` -> name in torchvision's
# full model.
PREFIXES = {
    "alexnet": {str(i): f"features.{i}" for i in range(5)},
    "shufflenet": {"0": "conv1", "2": "stage2"},
    "resnext": {"0": "conv1", "1": "bn1", "4": "layer1"},
    "wide_resnet": {"0": "conv1", "1": "bn1", "4": "layer1"},
}
# Our weights of VGG16 are Keras's; torchvision has no ResNet50V2.
NAMES = (*PREFIXES, "vgg16")


def import_models() -> Any:
    """Imports torchvision.models, even if torchvision lacks its operators.

    A torchvision built for CUDA fails without its operators where it registers
    a fake `nms`, which no model here uses. Call this before TensorFlow is
    imported.

    Raises:
        ImportError: If torchvision is not installed.
    """
    register = torch.library.register_fake
    torch.library.register_fake = lambda *_, **__: lambda function: function
    try:
        import torchvision.models
    finally:
        torch.library.register_fake = register
    return torchvision.models


def build_slice(models: Any, name: str) -> torch.nn.Sequential:
    """Builds a slice with fresh weights.

    Args:
        models: What `import_models` returned.
        name: One of `NAMES`.
    """
    if name == "alexnet":
        return models.alexnet(weights=None).features[:5]
    if name == "vgg16":
        return models.vgg16(weights=None).features[:12]
    if name == "shufflenet":
        full = models.shufflenet_v2_x1_0(weights=None)
        return torch.nn.Sequential(full.conv1, full.maxpool, full.stage2)
    builders = {
        "resnext": models.resnext50_32x4d,
        "wide_resnet": models.wide_resnet50_2,
    }
    full = builders[name](weights=None)
    return torch.nn.Sequential(
        full.conv1, full.bn1, full.relu, full.maxpool, full.layer1
    )
