"""Settings of the encoder are resolved once, by device."""

import pytest

from text2image.bert.computing import Device, gpu_tokens, resolve

PLAIN = Device("cpu", False, False)
UNITS = Device("cpu", True, False)
UNITS_AND_OPENVINO = Device("cpu", True, True)
H100 = Device("gpu", True, True, 80 * 10**9)
T4 = Device("gpu", False, False, 16 * 10**9)
AS_EVER = ("tensorflow", "float32", 512)


def chosen(*typed, size=768, device):
    resolved = resolve(*typed, hidden_dim=size, device=device)
    return resolved.engine, resolved.dtype, resolved.tokens_per_batch


@pytest.mark.parametrize(
    ("typed", "size", "device", "expected"),
    [
        ((), 768, PLAIN, AS_EVER),
        ((), 768, UNITS, AS_EVER),
        ((), 768, UNITS_AND_OPENVINO, ("openvino", "bfloat16", 1024)),
        ((), 768, Device("cpu", False, True), ("openvino", "float32", 1024)),
        (("auto", "bfloat16"), 768, Device("cpu", False, True),
         ("tensorflow", "bfloat16", 512)),
        # Small encoders, the demo's among them: the same on every CPU.
        ((), 128, UNITS_AND_OPENVINO, AS_EVER),
        (("tensorflow",), 768, UNITS_AND_OPENVINO, AS_EVER),
        (("auto", "float32"), 768, UNITS_AND_OPENVINO, AS_EVER),
        (("openvino",), 128, Device("cpu", False, True),
         ("openvino", "float32", 1024)),
        (("openvino", "float32", 99), 128, UNITS_AND_OPENVINO,
         ("openvino", "float32", 99)),
        ((), 768, H100, ("tensorflow", "bfloat16", 65_536)),
        (("auto", "float32", 99), 768, H100, ("tensorflow", "float32", 99)),
        ((), 768, T4, ("tensorflow", "float32", 16_384)),
    ],
)  # fmt: skip
def test_the_device_decides_what_is_not_typed(typed, size, device, expected):
    assert chosen(*typed, size=size, device=device) == expected
    assert chosen(*expected, size=size, device=device) == expected


def test_xla_compiles_on_cpus_and_a_gpu_has_few_shapes():
    on_cpu = resolve(hidden_dim=384, device=PLAIN)
    assert on_cpu.is_compiled
    assert on_cpu.compilation_tokens > 0
    on_gpu = resolve(hidden_dim=384, device=H100)
    assert (on_gpu.is_compiled, on_gpu.compilation_tokens) == (False, 0)
    assert on_gpu.max_widths == 8


def test_this_machine_is_resolved_too():
    resolved = resolve("tensorflow", hidden_dim=384)
    assert (resolved.dtype, resolved.device) == ("float32", "cpu")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (UNITS, r"Received: an environment.*pip install 'text-as-image\[fast"),
        (H100, r"must run on a CPU.*--device=cpu.*=tensorflow"),
    ],
)
def test_openvino_where_it_cannot_run_is_refused(device, message):
    with pytest.raises(ValueError, match=message):
        chosen("openvino", device=device)


@pytest.mark.parametrize(
    ("gigabytes", "size", "tokens"),
    [(80, 768, 65_536), (16, 768, 16_384), (16, 1024, 8192), (1, 768, 4096)],
)
def test_a_gpu_gets_the_tokens_that_its_memory_holds(gigabytes, size, tokens):
    assert gpu_tokens(gigabytes * 10**9, size) == tokens
