"""What is compared, and how closely."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
# The same ops on the same machine: only their fusion may differ.
TOLERANCE = 1e-6


def assert_parity(answers, reference, tolerance=TOLERANCE):
    np.testing.assert_array_equal(
        np.asarray(answers["label"]).astype(bytes),
        np.asarray(reference["label"]).astype(bytes),
    )
    np.testing.assert_allclose(
        answers["probabilities"],
        reference["probabilities"],
        rtol=0,
        atol=tolerance,
    )


def answer(function, values, name="text"):
    result = function(**{name: tf.constant(values)})
    return {key: value.numpy() for key, value in result.items()}


def serve_alone(export, texts, batches, directory):
    """Every output of the SavedModel, from a process of its own.

    Returns:
        (signature, batch size, call) to its outputs.
    """
    (directory / "request.json").write_text(
        json.dumps(
            {
                "model": str(export),
                "texts": [text.hex() for text in texts],
                "batches": batches,
            }
        )
    )
    finished = subprocess.run(
        [
            *(sys.executable, "-I", HERE / "serve_alone.py"),
            *(directory / "request.json", directory / "response.npz"),
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not finished.returncode, finished.stderr[-3000:]
    found = {}
    with np.load(directory / "response.npz") as file:
        for key, value in file.items():
            signature, size, call, output = key.split("/")
            part = found.setdefault((signature, int(size), int(call)), {})
            part[output] = value
    return found
