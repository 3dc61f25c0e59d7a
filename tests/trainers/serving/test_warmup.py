"""Warm-up requests are what TF Serving's own messages say."""

import pytest
import tensorflow as tf

from trainers.serving import warmup


def test_warm_up_requests_are_what_tf_serving_reads(trained, signatures):
    protos = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = trained[3].export / "assets.extra" / warmup.FILE
    seen = []
    for record in tf.data.TFRecordDataset([str(path)]):
        log = protos.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        seen.append(request.model_spec.signature_name)
        inputs = {
            name: tf.constant(tf.make_ndarray(tensor))
            for name, tensor in request.inputs.items()
        }
        assert signatures[seen[-1]](**inputs)
        # Nothing that the real message does not know.
        assert log.SerializeToString(deterministic=True) == record.numpy()
    assert seen == ["serving_default"] * 3 + ["images"]
