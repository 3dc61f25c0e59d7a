"""Answers token ids with a SavedModel where tensorflow-text cannot be loaded.

    python -I serve_core.py MODEL REQUEST RESPONSE

REQUEST is an .npz of `ids`, `mask` and `image`; RESPONSE one of every output,
named `signature/output`. TensorFlow's own command line runs the model too.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.python.tools import saved_model_cli

ABSENT = ("tensorflow_text", "text2image", "tfrecords", "trainers")
SIGNATURES = {"tokens": ("ids", "mask"), "images": ("image",)}


def main(model, request_path, response_path):
    # Also where they are installed: forbid to import them.
    sys.modules.update(dict.fromkeys(ABSENT))
    signatures = tf.saved_model.load(model).signatures
    with np.load(request_path) as file:
        request = {name: tf.constant(value) for name, value in file.items()}
    outputs = {}
    for signature, names in SIGNATURES.items():
        inputs = {name: request[name] for name in names}
        for name, value in signatures[signature](**inputs).items():
            value = value.numpy()
            if value.dtype == object:
                value = value.astype(bytes)
            outputs[f"{signature}/{name}"] = value
    np.savez(response_path, **outputs)
    sys.argv = ["saved_model_cli", "run", "--dir", model, "--tag_set", "serve"]
    sys.argv += ["--signature_def", "tokens"]
    sys.argv += ["--input_exprs", "ids=[[2,5,3]];mask=[[1,1,1]]"]
    saved_model_cli.main()


main(*sys.argv[1:])
