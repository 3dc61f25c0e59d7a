"""ImageNet towers without a network: given up soon, in one sentence."""

import socket
import threading
import time

import keras
import pytest

from trainers.multimodal import imagenet, towers
from trainers.weights import download

BUILDERS = {
    "resnet50v2": keras.applications.ResNet50V2,
    "inceptionv3": keras.applications.InceptionV3,
    "mobilenetv2": keras.applications.MobileNetV2,
}


@pytest.fixture
def resolve(monkeypatch, tmp_path):
    """A machine whose name server does not answer, with an empty cache."""
    released = threading.Event()

    def wait(*_):
        released.wait(30)
        raise OSError("released")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    yield
    released.set()


def test_a_tower_that_cannot_be_downloaded_is_given_up_soon(
    resolve, monkeypatch
):
    monkeypatch.setattr(
        imagenet.check_available, "__kwdefaults__", {"timeout_s": 0.2}
    )
    start = time.monotonic()
    with pytest.raises(RuntimeError) as error:
        towers.build_tower(
            "mobilenetv2", 32, frozen_fraction=0.5, source="imagenet", seed=0
        )
    assert time.monotonic() - start < 20
    message = str(error.value)
    assert "timed out after 0.2 s" in message
    assert "--weights=PATH" in message
    assert "\n" not in message


def test_the_time_limit_is_at_most_20_s():
    assert download.TIMEOUT_S <= 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*input_shape.* is undefined")
@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("resnet50v2", 64),
        ("inceptionv3", 96),
        ("mobilenetv2", 96),
        ("mobilenetv2", 32),
    ],
)
def test_a_file_in_the_cache_needs_no_network(
    resolve, tmp_path, monkeypatch, backbone, size
):
    """Keras is asked which file it would read."""
    asked = []

    def get_file(name, *_, **__):
        asked.append(name)
        raise OSError("not downloaded")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(OSError, match="not downloaded"):
        BUILDERS[backbone](include_top=False, input_shape=(size, size, 3))
    path = tmp_path / "models" / asked[0]
    with pytest.raises(TimeoutError):
        imagenet.check_available(backbone, size, timeout_s=0.1)
    path.parent.mkdir()
    path.touch()
    imagenet.check_available(backbone, size, timeout_s=0.1)
