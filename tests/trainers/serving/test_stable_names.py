"""The bytes of an export do not depend on what the process did before."""

import os
import signal
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from tests.support import commands, exports
from trainers import export
from trainers.serving import stable_names


@pytest.mark.slow
def test_an_export_has_the_same_bytes_after_other_work(trained, tmp_path):
    """The first was made elsewhere, right after its training."""
    run = trained[3]
    exports.do_other_work()
    export.export_run(run.workdir, tmp_path / "models")
    assert exports.files_of(tmp_path / "models") == exports.files_of(
        run.export.parent
    )


def _save_branches(directory):
    """A branch that captures a constant, whose number TensorFlow gives it."""
    table = tf.range(9.0)
    look_up = tf.function(lambda index: tf.gather(table, index))

    def branch(value):
        index = tf.cast(value, tf.int32)
        return tf.cond(value > 0, lambda: look_up(index), lambda: value)

    module = tf.Module()
    module.table = table
    signature = tf.function(
        lambda values: {"looked_up": tf.map_fn(branch, values)},
        input_signature=[tf.TensorSpec([None], tf.float32, "values")],
    )
    tf.saved_model.save(module, str(directory), signatures=signature)
    stable_names.renumber(directory)
    return (directory / "saved_model.pb").read_bytes()


def test_what_a_branch_captures_has_the_same_name_after_other_work(tmp_path):
    first = _save_branches(tmp_path / "first")
    for _ in range(3):
        exports.do_other_work()
    assert _save_branches(tmp_path / "second") == first
    model = tf.saved_model.load(str(tmp_path / "second"))
    answer = model.signatures["serving_default"](tf.constant([3.0, -2.0]))
    assert answer["looked_up"].numpy().tolist() == [3, -2]


def test_the_names_of_an_export_are_numbered_from_zero(trained):
    from text2image import allowed_ops

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
def test_a_killed_run_ends_with_the_bytes_of_an_undisturbed_one(
    reviews, tiny_bert, tmp_path
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
    for awaited, number, code in (
        ("checkpoint.safetensors", signal.SIGKILL, -signal.SIGKILL),
        ("report.md", signal.SIGTERM, 143),
    ):
        with subprocess.Popen(command, cwd=killed, env=environment) as process:
            while not (killed / "run" / awaited).exists():
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(number)
        assert process.returncode == code
    done = commands.run("trainers.run", *typed, cwd=killed)
    assert done.returncode == 0, done.stderr
    expected = exports.files_of(tmp_path / "whole", without=["tensorboard"])
    assert exports.files_of(killed, without=["tensorboard"]) == expected
    assert "run/export/1/saved_model.pb" in expected
