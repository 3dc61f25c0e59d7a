"""What is said about the device, on whichever machine the tests run."""

import pathlib
import re

import pytest
import tensorflow as tf

from text2image import devices


@pytest.fixture
def on_gpu(monkeypatch):
    """Lets TensorFlow report a GPU, as an H100 does; nothing is computed."""

    def report(capability=(9, 0)):
        gpu = tf.config.PhysicalDevice("/physical_device:GPU:1", "GPU")
        details = {"device_name": "NVIDIA X", "compute_capability": capability}
        monkeypatch.setattr(
            tf.config, "get_visible_devices", lambda kind: [gpu]
        )
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda device: details if device is gpu else {},
        )

    return report


@pytest.mark.skipif(devices.has_gpu(), reason="has a GPU")
def test_a_machine_without_a_gpu_is_a_cpu():
    assert devices.gpu() is None
    assert devices.describe() == "CPU"
    assert devices.name() == "/CPU:0"
    assert devices.compute_capability() is None
    assert not devices.supports_bfloat16()


@pytest.mark.skipif(devices.has_gpu(), reason="has a GPU")
def test_memory_of_a_cpu_is_that_of_the_machine():
    meminfo = pathlib.Path("/proc/meminfo").read_text("utf-8")
    kibibytes = int(re.search(r"MemTotal:\s+(\d+) kB", meminfo)[1])
    assert devices.memory_bytes() == 1024 * kibibytes


def test_a_gpu_is_named_as_its_maker_does(on_gpu):
    on_gpu()
    assert devices.describe() == "NVIDIA X"
    assert devices.name() == "/GPU:0"
    assert devices.compute_capability() == (9, 0)


@pytest.mark.parametrize(
    ("capability", "supports"),
    [((7, 5), False), ((8, 0), True), ((9, 0), True), ((12, 0), True)],
)
def test_bfloat16_pays_from_ampere_on(on_gpu, capability, supports):
    on_gpu(capability)
    assert devices.supports_bfloat16() == supports


def test_a_gpu_that_hides_its_memory_is_taken_for_a_small_one(
    on_gpu, monkeypatch
):
    on_gpu()
    monkeypatch.setattr(devices, "_LIBCUDA", "libnone.so.1")
    assert devices.memory_bytes() == 8 * 2**30


@pytest.mark.gpu
def test_the_gpu_says_how_much_memory_it_has():
    assert devices.has_gpu()
    tf.ones(()) + 1
    info = tf.config.experimental.get_memory_info(devices.name()[1:])
    assert info["current"] < devices.memory_bytes()
    assert devices.memory_bytes() != devices._ASSUMED_BYTES
