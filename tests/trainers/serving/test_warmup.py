"""Warm-up requests are what TF Serving's own messages say."""

import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from tests.golden import make_warmup
from trainers.serving import warmup


def test_requests_are_encoded_as_tf_serving_does(tmp_path):
    warmup.write_requests(tmp_path, make_warmup.REQUESTS)
    expected = make_warmup.FILE.read_bytes()
    assert (tmp_path / warmup.FILE).read_bytes() == expected


def _varint(content, position):
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _fields(content):
    """Number and content of each length-delimited field of a message."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        assert tag & 7 == 2
        length, position = _varint(content, position)
        yield tag >> 3, content[position : position + length]
        position += length


@pytest.mark.slow
def test_the_requests_of_an_export_fit_its_signatures(trained, signatures):
    path = trained[3].export / "assets.extra" / warmup.FILE
    names = []
    for record in tf.data.TFRecordDataset([str(path)]):
        ((_, predict_log),) = _fields(record.numpy())
        ((_, request),) = _fields(predict_log)
        (_, spec), *entries = _fields(request)
        names.append(dict(_fields(spec))[3].decode())
        inputs = {}
        for _, entry in entries:
            name, value = dict(_fields(entry)).values()
            tensor = tensor_pb2.TensorProto.FromString(value)
            inputs[name.decode()] = tf.constant(tf.make_ndarray(tensor))
        outputs = signatures[names[-1]](**inputs)
        (size,) = {value.shape[0] for value in inputs.values()}
        assert {value.shape[0] for value in outputs.values()} == {size}
    assert names == ["serving_default"] * 3 + ["tokens", "images", "explain"]
