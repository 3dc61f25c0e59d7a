"""Whether Keras's own ImageNet weights of a tower can be had."""

import os
import pathlib

from trainers.weights import download

_SERVER = "https://storage.googleapis.com/tensorflow/keras-applications/"
_FILES = {
    "resnet50v2": (
        "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    "inceptionv3": (
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    ),
    "mobilenetv2": (
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_"
        "{size}_no_top.h5"
    ),
}
# MobileNetV2 was published for these image sizes; others take the last.
_MOBILENET_SIZES = (96, 128, 160, 192, 224)


def check_available(
    backbone: str, image_size: int, *, timeout_s: float = download.TIMEOUT_S
) -> None:
    """Refuses weights that are neither in Keras's cache nor on its server.

    Keras's own download has no time limit.

    Args:
        backbone: One of `config.TOWERS`.
        image_size: Height and width of its images.
        timeout_s: Seconds without a response after which to give up.

    Raises:
        OSError: If the server cannot be reached.
    """
    sizes = [size for size in _MOBILENET_SIZES if size == image_size]
    file = _FILES[backbone].format(size=(sizes or _MOBILENET_SIZES[-1:])[0])
    name = file.rpartition("/")[2]
    # Keras takes the second where it must not write to the first.
    homes = [os.environ.get("KERAS_HOME", "~/.keras"), "/tmp/.keras"]
    if not any(
        (pathlib.Path(home).expanduser() / "models" / name).is_file()
        for home in homes
    ):
        download.check_reachable(_SERVER + file, timeout_s=timeout_s)
