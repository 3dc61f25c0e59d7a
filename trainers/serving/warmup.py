"""Requests that TF Serving answers when it starts: no slow first call.

TF Serving reads `assets.extra/tf_serving_warmup_requests`, a TFRecord file of
`tensorflow.serving.PredictionLog`. The three messages around the tensors are
encoded here, which saves a dependency on tensorflow-serving-api.
Source: tensorflow_serving/apis/{prediction_log,predict,model}.proto.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

FILE = "tf_serving_warmup_requests"
# Field numbers of the messages.
_LOG_PREDICT = 6  # PredictionLog.predict_log
_PREDICT_REQUEST = 1  # PredictLog.request
_REQUEST_MODEL, _REQUEST_INPUTS = 1, 2  # PredictRequest.model_spec, .inputs
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3  # ModelSpec.name, .signature_name
_KEY, _VALUE = 1, 2  # an entry of any map


def write_requests(
    directory: pathlib.Path,
    requests: Sequence[tuple[str, dict[str, np.ndarray]]],
) -> None:
    """Writes the file.

    Args:
        directory: `assets.extra` of a SavedModel.
        requests: Signatures with their inputs by name; TF Serving reads at
            most 1,000.
    """
    with tf.io.TFRecordWriter(str(directory / FILE)) as writer:
        for signature, inputs in requests:
            writer.write(prediction_log(signature, inputs))


def prediction_log(
    signature: str, inputs: dict[str, np.ndarray], *, model: str = "default"
) -> bytes:
    """Serializes one PredictionLog.

    Args:
        signature: Name of the signature.
        inputs: Arrays by input name; strings as an object array of bytes.
        model: Name of the model, which TF Serving ignores in warm-up.
    """
    spec = _field(_MODEL_NAME, model.encode()) + _field(
        _MODEL_SIGNATURE, signature.encode()
    )
    request = _field(_REQUEST_MODEL, spec)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(
            _REQUEST_INPUTS,
            _field(_KEY, name.encode()) + _field(_VALUE, tensor),
        )
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a length-delimited field: tag, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
