"""Flags choose the device; TensorFlow's errors come with a cure."""

import dataclasses
import logging
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.support.commands import ROOT
from tfrecords import build, command_line, devices, flags, ranges, verify
from tfrecords.devices import DeviceOptions
from trainers import run
from trainers.im2vec import __main__ as im2vec

GPUS = [
    tf.config.PhysicalDevice(f"/physical_device:GPU:{index}", "GPU")
    for index in range(2)
]
needs_no_gpu = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="has a GPU"
)


@pytest.mark.parametrize(
    ("device", "gpus", "expected"),
    [
        ("auto", [], []),
        ("auto", GPUS, GPUS[:1]),
        ("cpu", [], []),
        ("cpu", GPUS, []),
        ("gpu", GPUS, GPUS[:1]),
        ("gpu:0", GPUS, GPUS[:1]),
        ("gpu:1", GPUS, GPUS[1:]),
    ],
)
def test_one_device_is_chosen(device, gpus, expected):
    assert devices._choose(DeviceOptions(device), gpus) == expected


@pytest.mark.parametrize(
    ("device", "gpus", "message"),
    [
        ("gpu", [], r"--device=gpu: .* finds no GPU. Install .*'.\[gpu\]' .*"),
        ("gpu:1", [], "use --device=cpu"),
        ("gpu:2", GPUS, "finds gpu:0, gpu:1 only. Use one of these"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused_with_a_cure(device, gpus, message):
    with pytest.raises(RuntimeError, match=message):
        devices._choose(DeviceOptions(device), gpus)


@pytest.mark.parametrize(
    "value", ["", "tpu", "GPU", "gpu:", "gpu:-1", "gpu:x", "gpu1", "cpu:0"]
)
def test_other_devices_are_refused(value):
    with pytest.raises(ValueError, match="--device must be auto, cpu, gpu or"):
        DeviceOptions(value)


def test_a_wrong_device_is_refused_before_tensorflow_is_loaded(tmp_path):
    code = (
        "import sys\n"
        "from trainers import run\n"
        "code = run.main(['--device=tpu'])\n"
        "print(code, 'tensorflow' in sys.modules)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert finished.stdout == "1 False\n"
    assert finished.stderr.endswith("Received: tpu\n")


@needs_no_gpu
@pytest.mark.parametrize("program", [run, build, im2vec])
def test_a_program_without_its_gpu_stops_before_the_work(
    program, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("cifar10", "r.csv"):
        (tmp_path / name).write_text("text,label\na,0\nb,1\n")
    typed = [] if program is not im2vec else ["--dataset=cifar10"]
    assert program.main(["--device=gpu", *typed]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: --device=gpu: TensorFlow finds no GPU.")
    assert {path.name for path in tmp_path.iterdir()} == {"cifar10", "r.csv"}


@needs_no_gpu
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_cpu_is_nothing_to_talk_about(device, caplog):
    caplog.set_level(logging.INFO)
    devices.use(DeviceOptions(device, deterministic=True))
    assert tf.config.get_visible_devices("GPU") == []
    assert caplog.text == ""


def test_a_device_is_no_setting_of_what_is_made():
    for program in (run.PROGRAM, build.PROGRAM):
        for settings in program.settings:
            if settings is not DeviceOptions:
                names = {field.name for field in dataclasses.fields(settings)}
                assert not names & {"device", "deterministic"}


def test_a_program_that_computes_nothing_has_no_device():
    assert DeviceOptions not in verify.PROGRAM.settings
    typed, _ = flags.parse(run.PROGRAM, ["--device=gpu:1", "--deterministic"])
    assert typed == {"device": "gpu:1", "deterministic": True}


def _program(*kinds):
    return command_line.Program("some.program", "Doc.", settings=kinds)


@dataclasses.dataclass(frozen=True)
class Sizes:
    batch_size: int = devices.setting(
        32, "Rows.", ranges.BATCH, group="training"
    )
    cache_gb: float = devices.setting(
        4.0, "Most.", ranges.GIGABYTES, group="training"
    )


@pytest.mark.parametrize(
    ("kinds", "cure"),
    [
        ((Sizes,), "Lower --batch_size or --cache_gb. "),
        (build.PROGRAM.settings, "Lower --tokens_per_batch. "),
        ((), ""),
    ],
)
def test_memory_that_does_not_suffice_names_the_flags_to_lower(
    kinds, cure, capsys
):
    def allocate(arguments):
        raise tf.errors.ResourceExhaustedError(
            None, None, "OOM when allocating\n\nHint: more"
        )

    assert command_line.main(_program(*kinds), allocate, []) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: Out of memory on the CPU. {cure}TensorF")
    assert error.count("\n") == 1


def test_an_operation_without_a_deterministic_form_names_the_flag(capsys):
    def compute(arguments):
        raise tf.errors.UnimplementedError(
            None, None, "Determinism is not yet supported for Bincount."
        )

    assert command_line.main(_program(), compute, []) == 1
    assert "--deterministic: an op" in (error := capsys.readouterr().err)
    assert "Omit the flag" in error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a bug"),
        tf.errors.UnimplementedError(None, None, "no such kernel"),
        tf.errors.InvalidArgumentError(None, None, "shapes"),
    ],
)
def test_other_errors_are_not_explained(error):
    assert devices.explain(error, {"batch_size"}) is None


@pytest.mark.gpu
def test_the_chosen_gpu_is_named_and_grows(caplog):
    caplog.set_level(logging.INFO)
    devices.use(DeviceOptions("gpu"))
    (gpu,) = tf.config.get_visible_devices("GPU")
    assert tf.config.experimental.get_memory_growth(gpu)
    assert "device: NVIDIA" in caplog.text
