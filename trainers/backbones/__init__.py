"""The frozen feature extractors: early layers of ImageNet architectures.

One table, `BACKBONES`, declares every slice of the paper's Table I; one file
per architecture builds it (`slices.build_slice`). This module imports no
framework, so that flags and reports can read the table at once.

Letters: N examples, H and W pixels, C channels.
"""

import dataclasses
import math

Window = tuple[int, int, int]  # kernel side, stride, padding on each side


@dataclasses.dataclass(frozen=True)
class PaperRecipe:
    """What the published code adds after one slice, and how it trains it.

    Source: the paper's Table I (learning rates) and its official code
    (main-train.py and models/*.py; see docs/decisions.md for the differences).

    Attributes:
        autoencoder_lr: Adam's learning rate for the conv autoencoder.
        head_lr: Adam's learning rate for the dense head.
        filters: Filters of the autoencoder's four convolutions.
        kernel_size: Their square kernel, valid padding, stride 1.
        dropout: Dropout rate after each convolution's batch norm.
        pool_size: Side of the adaptive average pool after them.
        hidden_units: Widths of the dense head before the logits.
    """

    autoencoder_lr: float
    head_lr: float
    filters: tuple[int, ...] = (192, 128, 64, 32)
    kernel_size: int = 4
    dropout: float = 0.05
    pool_size: int = 10
    hidden_units: tuple[int, ...] = (1600, 700, 50)

    @property
    def min_map_size(self) -> int:
        """Smallest side of maps that the valid convolutions take."""
        return 1 + len(self.filters) * (self.kernel_size - 1)


@dataclasses.dataclass(frozen=True)
class Backbone:
    """One slice: where it is cut, what it returns, what it expects.

    Attributes:
        name: Value of `--backbone`.
        title: The architecture's name, for reports.
        cut_layer: Name of the layer whose output is the feature maps.
        earlier_cuts: Two layers before it, for `--slice_depth` 1 and 2.
        windows: Kernel side, stride and padding of every layer that changes
            the size of its input, in order.
        num_maps: Channels of the output (the paper's "Nbr of FM's").
        preprocessing: Key of `PREPROCESSING`: the input that the published
            weights were trained on.
        recipe: The published code's autoencoder, head and learning rates.
    """

    name: str
    title: str
    cut_layer: str
    earlier_cuts: tuple[str, str]
    windows: tuple[Window, ...]
    num_maps: int
    preprocessing: str
    recipe: PaperRecipe

    @property
    def stride(self) -> int:
        """Input pixels per position of the feature maps, along each axis."""
        return math.prod(stride for _, stride, _ in self.windows)

    def map_size(self, side: int) -> int:
        """Side of the feature maps of an input of `side` pixels; 0 if none."""
        for kernel, stride, padding in self.windows:
            side = max(0, (side + 2 * padding - kernel) // stride + 1)
            if side == 0:
                break
        return side

    def input_size(self, map_size: int) -> int:
        """Smallest input side whose feature maps have side `map_size` >= 1."""
        side = map_size
        for kernel, stride, padding in reversed(self.windows):
            side = max(1, (side - 1) * stride + kernel - 2 * padding)
        return side


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """RGB in [0, 1] to a backbone's input: `x * scale + offset`, per channel.

    Attributes:
        scale: Factor of the R, G and B channel.
        offset: Summand of the R, G and B channel, after the factor.
        bgr: Whether the channels are reversed afterwards.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    bgr: bool = False


# Mean and standard deviation of ImageNet's RGB pixels in [0, 1].
# Source: torchvision's transforms.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

PREPROCESSING = {
    # keras.applications.imagenet_utils, mode "caffe": BGR, 0..255, centred.
    "caffe": Preprocessing(
        (255.0, 255.0, 255.0), (-123.68, -116.779, -103.939), bgr=True
    ),
    # keras.applications.imagenet_utils, mode "tf": -1..1.
    "tf": Preprocessing((2.0, 2.0, 2.0), (-1.0, -1.0, -1.0)),
    # torchvision: standardised by ImageNet's mean and deviation.
    "torch": Preprocessing(
        tuple(1 / std for std in IMAGENET_STD),
        tuple(
            -mean / std
            for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)
        ),
    ),
}

# conv1 and the max-pool after it, of the whole ResNet family.
_RESNET_WINDOWS = ((7, 2, 3), (3, 2, 1))

BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="alexnet",
            title="AlexNet",
            cut_layer="conv2_relu",
            earlier_cuts=("conv1_relu", "maxpool"),
            windows=((11, 4, 2), (3, 2, 0)),
            num_maps=192,
            preprocessing="torch",
            recipe=PaperRecipe(
                1e-5,
                5e-4,
                filters=(192, 192, 192, 64),
                kernel_size=2,
                dropout=0.0,
                pool_size=5,
                hidden_units=(700, 50),
            ),
        ),
        Backbone(
            name="resnet",
            title="ResNet50V2",
            cut_layer="conv2_block2_out",
            earlier_cuts=("pool1_pool", "conv2_block1_out"),
            windows=_RESNET_WINDOWS,
            num_maps=256,
            preprocessing="tf",
            recipe=PaperRecipe(5e-5, 1e-4, dropout=0.2),
        ),
        Backbone(
            name="resnext",
            title="ResNeXt50_32x4d",
            cut_layer="layer1_2_out",
            earlier_cuts=("maxpool", "layer1_0_out"),
            windows=_RESNET_WINDOWS,
            num_maps=256,
            preprocessing="torch",
            recipe=PaperRecipe(5e-5, 1e-3),
        ),
        Backbone(
            name="shufflenet",
            title="ShuffleNetV2 x1.0",
            cut_layer="stage2_3_out",
            earlier_cuts=("maxpool", "stage2_1_out"),
            windows=((3, 2, 1), (3, 2, 1), (3, 2, 1)),
            num_maps=116,
            preprocessing="torch",
            recipe=PaperRecipe(5e-4, 1e-3),
        ),
        Backbone(
            name="vgg16",
            title="VGG16",
            cut_layer="block3_conv1",
            earlier_cuts=("block1_pool", "block2_pool"),
            windows=((2, 2, 0), (2, 2, 0)),
            num_maps=256,
            preprocessing="caffe",
            recipe=PaperRecipe(5e-5, 1e-3),
        ),
        Backbone(
            name="wide_resnet",
            title="Wide ResNet50-2",
            cut_layer="layer1_2_out",
            earlier_cuts=("maxpool", "layer1_0_out"),
            windows=_RESNET_WINDOWS,
            num_maps=256,
            preprocessing="torch",
            recipe=PaperRecipe(5e-5, 1e-4, dropout=0.2),
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """Looks a backbone up by name.

    Raises:
        ValueError: If the table has no such name; lists those it has.
    """
    if name not in BACKBONES:
        raise ValueError(
            f"Unknown backbone. Expected one of {sorted(BACKBONES)}. "
            f"Received: {name!r}"
        )
    return BACKBONES[name]


def validate_input_size(
    backbone: Backbone,
    height: int,
    width: int,
    upsample: int = 1,
    *,
    min_map_size: int = 1,
) -> None:
    """Refuses images whose feature maps would be too small, before building.

    Args:
        backbone: Entry of the table.
        height: Rows of the images, before upsampling.
        width: Columns of the images.
        upsample: Factor by which both are enlarged.
        min_map_size: Smallest side of the feature maps that will do.

    Raises:
        ValueError: If the feature maps are smaller; names the smallest image
            and the smallest `--upsample` that suffice.
    """
    maps = [backbone.map_size(side * upsample) for side in (height, width)]
    if min(maps) >= min_map_size:
        return
    needed = backbone.input_size(min_map_size)
    factor = math.ceil(needed / min(height, width))
    raise ValueError(
        f"Images are too small for the {backbone.name} slice: its feature maps "
        f"must be at least {min_map_size} x {min_map_size}, which takes "
        f"{needed} x {needed} pixels. Received: {height} x {width} pixels, "
        f"enlarged {upsample} times, which give {maps[0]} x {maps[1]}. Use "
        f"--upsample={factor} or larger images."
    )
