"""Answers texts with SavedModels in a process that cannot see this project.

    python -I serve_alone.py REQUEST RESPONSE

REQUEST is a JSON file: `models` (name to directory), `texts` (hexadecimal
bytes) and `batch_sizes`. RESPONSE is an .npz of every output, named
`model/signature/batch size/call/output`.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops


def main(request_path, response_path):
    # The project may be installed: forbid it, as if it were not.
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
    found = {}
    for name, directory in request["models"].items():
        signatures = tf.saved_model.load(directory).signatures
        plan = [("serving_default", size) for size in request["batch_sizes"]]
        plan += [("embed", len(texts)), ("render", len(texts))]
        for signature, size in plan:
            # Twice at once, where a second call costs least.
            for call in (0, 1) if size == len(texts) else (0,):
                parts = [
                    signatures[signature](text=tf.constant(texts[i : i + size]))
                    for i in range(0, len(texts), size)
                ]
                for output in parts[0]:
                    found[f"{name}/{signature}/{size}/{call}/{output}"] = (
                        np.concatenate([part[output] for part in parts])
                    )
    assert "keras_hub" not in sys.modules
    np.savez(
        response_path,
        **{
            key: value.astype(bytes) if value.dtype == object else value
            for key, value in found.items()
        },
    )


main(*sys.argv[1:])
