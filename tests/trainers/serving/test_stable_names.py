"""The bytes of an export do not depend on what the process did before."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support import commands, exports
from trainers import export


def test_an_export_has_the_same_bytes_after_other_work(trained, tmp_path):
    """The first was made elsewhere, right after its training."""
    run = trained[3]
    exports.do_other_work()
    export.export_run(run.workdir, tmp_path / "models")
    assert exports.files_of(tmp_path / "models") == exports.files_of(
        run.export.parent
    )


def test_the_names_of_an_export_are_numbered_from_zero(trained):
    from trainers.serving import allowed_ops

    message = allowed_ops.saved_model_pb2.SavedModel.FromString(
        (trained[3].export / "saved_model.pb").read_bytes()
    )
    (meta_graph,) = message.meta_graphs
    numbers = [
        int(function.signature.name.rsplit("_", 1)[1])
        for function in meta_graph.graph_def.library.function
    ]
    assert sorted(numbers) == list(range(len(numbers)))


@pytest.mark.slow
def test_grouped_exports_have_the_same_bytes(trained, tmp_path):
    for name in ("one", "two"):
        export.export_run(trained[3].workdir, tmp_path / name, is_grouped=True)
        exports.do_other_work()
    assert exports.files_of(tmp_path / "one") == exports.files_of(
        tmp_path / "two"
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(
    reviews, tiny_bert, tmp_path, number
):
    typed = [
        f"--dataset={reviews}",
        f"--encoder={tiny_bert}",
        "--max_tokens=32",
        "--backbone=vgg16",
        "--weights=random",
        "--epochs=3",
        "--image_height=12",
        "--image_width=12",
        "--perplexity=5",
        "--workdir=run",
    ]
    (tmp_path / "whole").mkdir()
    done = commands.run("trainers.run", *typed, cwd=tmp_path / "whole")
    assert done.returncode == 0, done.stderr
    killed = tmp_path / "killed"
    killed.mkdir()
    command = [sys.executable, "-m", "trainers.run", *typed]
    environment = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    for awaited in ("checkpoint.safetensors", "report.md"):
        with subprocess.Popen(command, cwd=killed, env=environment) as process:
            while not (killed / "run" / awaited).exists():
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(number)
        assert process.returncode in (-signal.SIGKILL, 143)
    done = commands.run("trainers.run", *typed, cwd=killed)
    assert done.returncode == 0, done.stderr
    expected = exports.files_of(tmp_path / "whole", without=["tensorboard"])
    assert exports.files_of(killed, without=["tensorboard"]) == expected
    assert "run/export/1/saved_model.pb" in expected
