"""Makes `warmup_requests.tfrecord`: requests as TensorFlow Serving logs them.

Run once, with tensorflow-serving-api 2.21 (not a dependency of this project):

    python -m tests.golden.make_warmup
"""

import pathlib

import numpy as np
import tensorflow as tf

FILE = pathlib.Path(__file__).with_name("warmup_requests.tfrecord")
# Inputs in the order of their names, as deterministic messages have them.
REQUESTS = [
    ("serving_default", {"text": np.array([b"A warm film."], object)}),
    # Lengths that take a second byte in every field.
    ("serving_default", {"text": np.array([b"long " * 40] * 8, object)}),
    ("images", {"image": np.zeros((1, 12, 14, 1), np.float32)}),
    (
        "tokens",
        {
            "ids": np.arange(6, dtype=np.int32).reshape(2, 3),
            "mask": np.ones((2, 3), np.int32),
        },
    ),
    (
        "opinions",
        {
            "description": np.array([b""], object),
            "image": np.array([b"\xff\xd8\x00\xff"], object),
            "title": np.array(["größe".encode()], object),
        },
    ),
]


def main() -> None:
    """Writes the file with TensorFlow Serving's own messages."""
    from tensorflow_serving.apis import prediction_log_pb2

    with tf.io.TFRecordWriter(str(FILE)) as writer:
        for signature, inputs in REQUESTS:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = "default"
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
