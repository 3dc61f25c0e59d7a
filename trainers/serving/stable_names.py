"""Names in a SavedModel that do not depend on what the process did before.

TensorFlow numbers functions over the life of a process, and gives every
`fingerprint.pb` a random id. After `renumber` the same model has the same
bytes, also if it was exported by a run that was killed and resumed.
"""

import hashlib
import pathlib
import re
from collections.abc import Iterable, Iterator

from tensorflow.core.framework import attr_value_pb2, function_pb2, node_def_pb2
from tensorflow.core.protobuf import (
    fingerprint_pb2,
    meta_graph_pb2,
    saved_model_pb2,
)

# The one function of TensorFlow that computes the hashes of a fingerprint.
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

_MODEL_FILE = "saved_model.pb"
FINGERPRINT_FILE = "fingerprint.pb"
_NUMBER = re.compile(r"_\d+$")
# Arguments that a loop's condition does not read have the name of its function.
_UNREAD = re.compile(r"_\d+(?=___redundant_placeholder)")
_BRANCH = re.compile(r"_(true|false|cond|body)_\d+$")
_USER_NAME = "_user_specified_name"


def renumber(export: pathlib.Path) -> None:
    """Renames the functions of a SavedModel in the order of their calls.

    Args:
        export: Directory with `saved_model.pb` and `fingerprint.pb`, which are
            replaced.
    """
    path = export / _MODEL_FILE
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in message.meta_graphs:
        _rename(meta_graph, _new_names(meta_graph))
    path.write_bytes(message.SerializeToString(deterministic=True))
    write_fingerprint(export)


def write_fingerprint(export: pathlib.Path) -> None:
    """Writes `fingerprint.pb` with an id that depends on its hashes alone.

    Args:
        export: Directory of a SavedModel.
    """
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(
        fingerprinting.CreateFingerprintDef(str(export))
    )
    fingerprint.uuid = ""
    content = fingerprint.SerializeToString(deterministic=True)
    # 128 bits, as TensorFlow's own ids.
    fingerprint.uuid = str(int(hashlib.sha256(content).hexdigest()[:32], 16))
    (export / FINGERPRINT_FILE).write_bytes(
        fingerprint.SerializeToString(deterministic=True)
    )


def _new_names(meta_graph: meta_graph_pb2.MetaGraphDef) -> dict[str, str]:
    """Function to its new name, numbered in the order of the calls."""
    graph = meta_graph.graph_def
    bodies = {
        function.signature.name: function.node_def
        for function in graph.library.function
    }
    names: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in bodies and name not in names:
            names[name] = f"{_NUMBER.sub('', name)}_{len(names)}"
            visit_all(bodies[name])

    def visit_all(nodes: Iterable[node_def_pb2.NodeDef]) -> None:
        for node in nodes:
            for name in _called(node):
                visit(name)

    visit_all(graph.node)
    for name in sorted(bodies, key=_number):  # those that nothing calls
        visit(name)
    return names


def _number(name: str) -> int:
    """The number at the end of a function's name: when it was made."""
    match = _NUMBER.search(name)
    return int(match[0][1:]) if match else -1


def _called(node: node_def_pb2.NodeDef) -> Iterator[str]:
    """Functions that a node calls, in a fixed order."""
    yield node.op
    for _, value in sorted(node.attr.items()):
        yield from (function.name for function in _functions(value))


def _functions(
    value: attr_value_pb2.AttrValue,
) -> list[attr_value_pb2.NameAttrList]:
    listed = list(value.list.func)
    return [value.func, *listed] if value.HasField("func") else listed


def _rename(
    meta_graph: meta_graph_pb2.MetaGraphDef, names: dict[str, str]
) -> None:
    graph = meta_graph.graph_def
    for function in graph.library.function:
        function.signature.name = names[function.signature.name]
        _rename_arguments(function)
    for nodes in (
        graph.node,
        *(function.node_def for function in graph.library.function),
    ):
        for node in nodes:
            node.op = names.get(node.op, node.op)
            for value in node.attr.values():
                for called in _functions(value):
                    called.name = names.get(called.name, called.name)
    ordered = sorted(
        graph.library.function, key=lambda function: function.signature.name
    )
    del graph.library.function[:]
    graph.library.function.extend(ordered)
    objects = meta_graph.object_graph_def
    for name in sorted(objects.concrete_functions):
        concrete = objects.concrete_functions.pop(name)
        objects.concrete_functions[names[name]].CopyFrom(concrete)
    for each in objects.nodes:
        # Asked first: to assign makes a constant a function.
        if each.HasField("function"):
            each.function.concrete_functions[:] = [
                names[name] for name in each.function.concrete_functions
            ]
        if each.HasField("bare_concrete_function"):
            bare = each.bare_concrete_function
            bare.concrete_function_name = names[bare.concrete_function_name]


def _rename_arguments(function: function_pb2.FunctionDef) -> None:
    """Takes numbers of the process out of the names of arguments."""
    for argument in function.signature.input_arg:
        argument.name = _UNREAD.sub("", argument.name)
    for node in function.node_def:
        node.input[:] = [_UNREAD.sub("", name) for name in node.input]
    # A map that changes must not be iterated over.
    for key, value in list(function.ret.items()):
        function.ret[key] = _UNREAD.sub("", value)
    for index, argument in function.arg_attr.items():
        # Captured variables are called by their number.
        name = (
            argument.attr[_USER_NAME].s if _USER_NAME in argument.attr else b""
        )
        if name.isdigit():
            argument.attr[_USER_NAME].s = str(index).encode()
    if _BRANCH.search(function.signature.name):
        # A captured constant has the name of the scope and its number.
        _number_arguments(function)


def _number_arguments(function: function_pb2.FunctionDef) -> None:
    """Gives arguments whose names end in a number that of their place."""
    used = {node.name for node in function.node_def}
    names = {
        argument.name: _free(_NUMBER.sub(f"_{index}", argument.name), used)
        for index, argument in enumerate(function.signature.input_arg)
        if _NUMBER.search(argument.name)
    }

    def new_name(value: str) -> str:
        is_control = value.startswith("^")
        name, colon, output = value.removeprefix("^").partition(":")
        return "^" * is_control + names.get(name, name) + colon + output

    for argument in function.signature.input_arg:
        argument.name = names.get(argument.name, argument.name)
    for node in function.node_def:
        node.input[:] = [new_name(value) for value in node.input]
    for key, value in list(function.ret.items()):
        function.ret[key] = new_name(value)


def _free(name: str, used: set[str]) -> str:
    """A name like this one that is not used."""
    while name in used:
        name += "_"
    return name
