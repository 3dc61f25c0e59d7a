"""Says whose weights a file seems to hold, for the error that refuses it."""

import re
from collections.abc import Mapping

import numpy as np

# Name of an architecture; a pattern of the names that its files have, in
# Keras's or torch's spelling, dots and slashes as underscores; and, where
# several have the same names, the sides of that array in ascending order.
_SIGNATURES: tuple[tuple[str, str, tuple[int, ...] | None], ...] = (
    ("VGG19", r"block[345]_conv4_|features_34_", None),
    ("VGG16", r"block[345]_conv3_|features_28_", None),
    ("a VGG", r"(features_0_weight|conv1_kernel)$", (3, 3, 3, 64)),
    ("ResNet V2 of keras.applications", r"_preact_bn_", None),
    (
        "ResNet V1 of keras.applications",
        r"conv2_block1_3_bn_|(res|bn)2a_branch",
        None,
    ),
    ("a DenseNet", r"denseblock1_|conv2_block1_0_bn_", None),
    # V2 has no batch norm after its first convolution.
    ("ResNet V1 of keras.applications", r"^conv1_bn_array$", None),
    ("ResNeXt50_32x4d", r"layer1_0_conv2_(weight|kernel)$", (3, 3, 4, 128)),
    ("ResNeXt101_32x8d", r"layer1_0_conv2_(weight|kernel)$", (3, 3, 8, 256)),
    ("Wide ResNet", r"layer1_0_conv2_(weight|kernel)$", (3, 3, 128, 128)),
    ("ResNet-50, 101 or 152 (V1)", r"layer1_0_conv3_", None),
    (
        "ResNet-50, 101 or 152 (V1), with Hugging Face's names",
        r"encoder_stages_0_layers_0_layer_2_",
        None,
    ),
    ("ResNet-18 or 34", r"layer1_0_conv2_", None),
    ("ShuffleNetV2", r"stage2_0_branch[12]_", None),
    ("AlexNet", r"(features_0_weight|conv1_kernel)$", (3, 11, 11, 64)),
    ("MobileNetV2", r"expanded_conv_|features_1_conv_0_0_", None),
    ("MobileNet", r"conv_pw_1_", None),
    ("an EfficientNet", r"block1a_", None),
    ("Xception", r"block2_sepconv1_", None),
    ("InceptionV3", r"Mixed_5b_|conv2d_93_", None),
    ("a ConvNeXt", r"convnext|downsample_layers_", None),
    ("a vision transformer", r"patch_embed|blocks_0_attn_", None),
    ("a BERT", r"encoder_layer_0_attention_|^bert_", None),
)


def guess(arrays: Mapping[str, np.ndarray]) -> str:
    """Says whose arrays these seem to be, as the end of an error.

    Args:
        arrays: Name to array, canonical (`conv1/kernel`) or torch's
            (`features.0.weight`).
    """
    shapes = {
        re.sub(r"[./]", "_", name): tuple(sorted(np.shape(array)))
        for name, array in arrays.items()
    }
    for title, pattern, sides in _SIGNATURES:
        for name, shape in shapes.items():
            if re.search(pattern, name) and sides in (None, shape):
                return f" By its arrays it seems to be {title}."
    return " Is it the file of another architecture?"
