"""Which answers are compared, and how closely."""

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
    """Every output of a SavedModel, computed by a process that has only it.

    Args:
        export: Directory of the SavedModel.
        texts: Texts as bytes.
        batches: Pairs of a batch size and a number of texts.
        directory: Directory for the files that the two processes exchange.

    Returns:
        (signature, batch size, call) to outputs by name.
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
    outputs = {}
    with np.load(directory / "response.npz") as file:
        for key, value in file.items():
            signature, size, call, output = key.split("/")
            part = outputs.setdefault((signature, int(size), int(call)), {})
            part[output] = value
    return outputs
