"""Ops of a SavedModel: known ones pass, those that reach outside do not."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.support import fitting
from text2image import allowed_ops
from trainers import backbones
from trainers.config import TrainConfig
from trainers.network import model


def ops_of(function):
    """Names of the ops of a concrete function and of all it calls."""
    definition = function.graph.as_graph_def()
    ops = {node.op for node in definition.node}
    for body in definition.library.function:
        ops |= {node.op for node in body.node_def}
    return ops


def test_ops_are_known_and_text_ops_only_where_text_is(trained, signatures):
    allowed_ops.check_ops(trained[3].export)
    for name, function in signatures.items():
        ops = ops_of(function)
        allowed = allowed_ops.CORE_OPS | allowed_ops.TEXT_OPS
        if name == "explain":
            allowed |= allowed_ops.GRADIENT_OPS
        assert ops <= allowed, name
        has_text = name not in ("tokens", "images")
        assert bool(ops & allowed_ops.TEXT_OPS) == has_text, name


def _write_file(text):
    with tf.control_dependencies([tf.io.write_file("made", text)]):
        return tf.identity(text)


@pytest.mark.slow
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("op", "do"),
    [
        ("ReadFile", lambda x: tf.io.read_file(x)),
        ("WriteFile", _write_file),
        ("MatchingFiles", lambda x: tf.io.matching_files(x)[0]),
        ("EagerPyFunc", lambda x: tf.py_function(lambda y: y, [x], tf.string)),
        ("PyFunc", lambda x: tf.numpy_function(lambda y: y, [x], tf.string)),
        (
            "RestoreV2",
            lambda x: tf.raw_ops.RestoreV2(
                prefix=x,
                tensor_names=["a"],
                shape_and_slices=[""],
                dtypes=[tf.string],
            )[0],
        ),
    ],
)
def test_an_op_that_reads_files_or_calls_python_is_refused(
    tmp_path, op, do, nested
):
    module = tf.Module()
    module.variable = tf.Variable(1.0)

    def outer(x):
        if nested:
            return tf.cond(tf.strings.length(x) > 0, lambda: do(x), lambda: x)
        return do(x)

    module.f = tf.function(
        outer, input_signature=[tf.TensorSpec([], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "model"))
    with pytest.raises(RuntimeError, match=rf": {op}'"):
        allowed_ops.check_ops(tmp_path / "model")


def _answer_of_a_signature(graph, restore):
    signature = graph.signature_def["serving_default"]
    signature.outputs["label"].name = f"{restore.name}:0"


def _input_of_a_node(graph, restore):
    graph.graph_def.node.add(name="after", op="Identity", input=[restore.name])


def _called_by_another_function(graph, restore):
    node = graph.graph_def.library.function[0].node_def.add(
        name="call", op="StatefulPartitionedCall"
    )
    node.attr["f"].func.name = restore.attr["f"].func.name


def _offered_to_the_caller(graph, restore):
    name = restore.attr["f"].func.name
    graph.object_graph_def.concrete_functions[name].SetInParent()


@pytest.mark.parametrize(
    "reach",
    [
        _answer_of_a_signature,
        _input_of_a_node,
        _called_by_another_function,
        _offered_to_the_caller,
    ],
)
def test_nobody_but_the_loader_may_restore(trained, tmp_path, reach):
    message = saved_model_pb2.SavedModel()
    path = trained[3].export / "saved_model.pb"
    message.ParseFromString(path.read_bytes())
    (graph,) = message.meta_graphs
    (restore,) = (
        node
        for node in graph.graph_def.node
        if node.name == graph.saver_def.restore_op_name
    )
    reach(graph, restore)
    (tmp_path / "saved_model.pb").write_bytes(message.SerializeToString())
    with pytest.raises(RuntimeError, match=": RestoreV2'"):
        allowed_ops.check_ops(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(backbones.BACKBONES))
@pytest.mark.parametrize("autoencoder", ["symmetric", "paper"])
def test_every_backbone_has_known_ops_only(name, autoencoder):
    config = TrainConfig(
        backbone=name, weights="random", autoencoder=autoencoder, upsample=3
    )
    whole = fitting.fill(model.build_models(config, (50, 50, 1), 3).whole)
    function = tf.function(
        lambda image: whole(image, training=False),
        input_signature=[tf.TensorSpec([None, 50, 50, 1])],
        autograph=False,
    )
    assert ops_of(function.get_concrete_function()) <= allowed_ops.CORE_OPS
