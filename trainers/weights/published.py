"""Addresses, sizes and hashes of the published ImageNet weights.

The hashes are the publishers': torchvision puts the first digits of the sha256
into a file's name, keras.applications an md5 into its source. Sizes are
torchvision's `_file_size`, rounded to 0.001 MiB, or those that the server of
keras.applications announces. If others have published a full hash of the same
file, it is required as well.
"""

import dataclasses
import os
import pathlib

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A file of weights on a publisher's server.

    Attributes:
        url: Address; its last part is the file's name.
        hashes: (algorithm, leading hexadecimal digits) pairs; all must match.
        size_bytes: Smallest and largest size that the published one, which
            may be rounded, allows.
        licence: Licence of the weights, as far as the publisher states one.
    """

    url: str
    hashes: tuple[tuple[str, str], ...]
    size_bytes: tuple[int, int]
    licence: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[1]


def cache_directory() -> pathlib.Path:
    """Directory of converted weights: under $XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "text2image" / "backbones"


def _torchvision(
    name: str, size_mebibytes: float, *hashes: tuple[str, str]
) -> PublishedFile:
    size, rounding = size_mebibytes * 2**20, 0.0005 * 2**20
    return PublishedFile(
        url=_TORCHVISION + name,
        hashes=hashes,
        size_bytes=(int(size - rounding), int(size + rounding) + 1),
        licence="torchvision: BSD-3-Clause; trained on ImageNet-1k",
    )


def _keras(name: str, size_bytes: int, md5: str) -> PublishedFile:
    return PublishedFile(
        url=_KERAS + name,
        hashes=(("md5", md5),),
        size_bytes=(size_bytes, size_bytes),
        licence="keras.applications: Apache-2.0; trained on ImageNet-1k",
    )


PUBLISHED = {
    # Several projects that pin this file agree on the full sha256, which
    # continues the digits of the name.
    "alexnet": _torchvision(
        "alexnet-owt-7be5be79.pth",
        233.087,
        (
            "sha256",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
    ),
    "resnet": _keras(
        "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        94_668_760,
        "fac2f116257151a9d068a22e544a4917",
    ),
    # sha512: MLCommons training, single_stage_detector.
    "resnext": _torchvision(
        "resnext50_32x4d-7cdf4587.pth",
        95.789,
        ("sha256", "7cdf4587"),
        (
            "sha512",
            "15c9f0bc1c8d64750712f86ffaded3b0bc6a87e77a395dcda3013d8af65b7ebf"
            "3ca1c24dd3aae60c0d83e510b4d27731f0526b6f9392c0a85ffc18e5fecd8a13",
        ),
    ),
    "shufflenet": _torchvision(
        "shufflenetv2_x1-5666bf0f80.pth", 8.791, ("sha256", "5666bf0f80")
    ),
    "vgg16": _keras(
        "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        58_889_256,
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "wide_resnet": _torchvision(
        "wide_resnet50_2-95faca4d.pth", 131.82, ("sha256", "95faca4d")
    ),
}
