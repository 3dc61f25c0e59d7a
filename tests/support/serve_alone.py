"""Answers texts with a SavedModel in a process that cannot see this project.

    python -I serve_alone.py REQUEST RESPONSE

REQUEST is a JSON file: `model` (directory), `texts` (hexadecimal bytes) and
`batches` (pairs: batch size, number of texts). RESPONSE is an .npz of every
output, named `signature/batch size/call/output`.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops


def main(request_path, response_path):
    # Also where the project is installed: forbid to import it.
    sys.modules.update(text2image=None, tfrecords=None, trainers=None)
    for package in ("trainers", "tfrecords", "text2image"):
        try:
            __import__(package)
        except ImportError:
            continue
        raise SystemExit(f"{package} can be imported")
    with open(request_path) as file:
        request = json.load(file)
    texts = [bytes.fromhex(text) for text in request["texts"]]
    outputs = {}
    signatures = tf.saved_model.load(request["model"]).signatures
    whole = len(texts)
    plan = [("serving_default", *batch, 0) for batch in request["batches"]]
    plan += [(name, whole, whole, 0) for name in ("embed", "render")]
    # Twice, where a second call costs least.
    plan += [("serving_default", whole, whole, call) for call in (0, 1)]
    for signature, size, count, call in plan:
        parts = [
            signatures[signature](text=tf.constant(texts[i : i + size]))
            for i in range(0, count, size)
        ]
        for output in parts[0]:
            outputs[f"{signature}/{size}/{call}/{output}"] = np.concatenate(
                [part[output] for part in parts]
            )
    assert "keras_hub" not in sys.modules
    np.savez(
        response_path,
        **{
            key: value.astype(bytes) if value.dtype == object else value
            for key, value in outputs.items()
        },
    )


main(*sys.argv[1:])
