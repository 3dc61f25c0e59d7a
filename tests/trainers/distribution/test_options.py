"""What the flags of a distributed training refuse before TensorFlow loads."""

import importlib

import pytest

from tests.support import commands
from trainers import run
from trainers.__main__ import COMMANDS


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--distribution=multi_worker"], "needs the workers' addresses"),
        (["--replicas=2"], "--replicas is for --distribution=mirrored"),
        (
            ["--distribution=mirrored", "--replicas=1"],
            "at least two replicas",
        ),
        (
            ["--distribution=mirrored", "--device=gpu:1"],
            "Use --device=gpu; CUDA_VISIBLE_DEVICES",
        ),
        (
            ["--distribution=mirrored", "--preset=paper"],
            "Use --normalization=image",
        ),
        (
            ["--distribution=mirrored", "--slice_batch_norm=training"],
            "Use --slice_batch_norm=inference",
        ),
        (
            ["--distribution=mirrored", "--trainable_slice"],
            "Use --trainable_slice=false",
        ),
        (
            ["--distribution=mirrored", "--jit_compile"],
            "Use --jit_compile=false",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused_with_a_cure(
    flags, expected, capsys, monkeypatch
):
    for name in ("TF_CONFIG", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    assert commands.exit_code(run.main, flags) == 1
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"run"}))
def test_programs_that_cannot_share_have_no_such_flag(command):
    program = importlib.import_module(COMMANDS[command]).PROGRAM
    assert not {"distribution", "replicas"} & set(program.fields())


@pytest.mark.slow
def test_a_mirrored_training_on_a_cpu_needs_replicas(tmp_path):
    finished = commands.run(
        "trainers.run", "--distribution=mirrored", "--device=cpu", cwd=tmp_path
    )
    assert finished.returncode == 1
    assert "rehearse on this CPU with --replicas=2" in finished.stderr
    assert not list(tmp_path.iterdir())
