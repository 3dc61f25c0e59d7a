"""The files of one SavedModel: its program, weights and what they are."""

import importlib.metadata
import json
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any, Protocol

import google.protobuf.message
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2

from text2image import allowed_ops
from tfrecords import system_errors
from trainers.runs.file_list import FILE, FileList
from trainers.serving import stable_names, versions, warmup

EXTRA = "assets.extra"
PROVENANCE_FILE = "provenance.json"
VERSIONS_FILE = "versions.json"
HOW_TO_LOAD_FILE = "HOW_TO_LOAD.txt"
_LIBRARIES = ("tensorflow", "tensorflow-text", "keras", "keras-hub")

# A signature and its inputs by name.
Request = tuple[str, dict[str, np.ndarray]]
Functions = dict[str, tf.types.experimental.ConcreteFunction]

_NEEDS_TEXT_OPS = """\
This SavedModel reads strings with ops of tensorflow-text. Import that first:

    import tensorflow_text
    import tensorflow as tf

    model = tf.saved_model.load("PATH/OF/THIS/VERSION")

Otherwise loading fails: "Op type not registered
'FastWordpieceTokenizeWithOffsets'". The same on the command line:

    python -c "import tensorflow_text; from \
tensorflow.python.tools.saved_model_cli import main; main()" run --dir …

TensorFlow Serving has these ops. For programs without them there is, if the
model can do without strings, the folder core beside this version: the same
model with the signatures that take token ids or images.
"""
_NEEDS_NOTHING = """\
This SavedModel loads with TensorFlow alone:

    import tensorflow as tf

    model = tf.saved_model.load("PATH/OF/THIS/VERSION")

Signatures: {signatures}.
"""


class Servable(Protocol):
    """A model to serve.

    Attributes:
        constants: Every variable that the functions read.
    """

    constants: list[tf.Variable]

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""


def write(
    directory: pathlib.Path,
    servable: Servable,
    provenance: dict[str, Any],
    requests: Sequence[Request],
) -> None:
    """Writes a SavedModel and, in its folder `core`, one without text ops.

    There is no core if all signatures need text ops, or none. Both have the
    same weights, on disk once where the file system has hard links.

    Args:
        directory: Where to; created.
        servable: The model.
        provenance: What it was made from.
        requests: Warm-up requests.

    Raises:
        RuntimeError: If a graph holds an op that is not allowed.
        OSError: If the files cannot be written.
    """
    with system_errors.while_writing(directory):
        _write(directory, servable, provenance, requests)


def list_of(version: pathlib.Path) -> FileList:
    """Returns the list of the files of a version."""
    return FileList(version, version / EXTRA / FILE)


def _write(
    directory: pathlib.Path,
    servable: Servable,
    provenance: dict[str, Any],
    requests: Sequence[Request],
) -> None:
    functions = {
        name: function.get_concrete_function()
        for name, function in servable.signatures.items()
    }
    core = {
        name: function
        for name, function in functions.items()
        if not allowed_ops.needs_text_ops(function)
    }
    constants = servable.constants
    _write_one(
        directory,
        constants,
        functions,
        provenance,
        requests,
        _NEEDS_NOTHING if len(core) == len(functions) else _NEEDS_TEXT_OPS,
    )
    if 0 < len(core) < len(functions):
        inner = directory / versions.CORE
        _write_one(inner, constants, core, provenance, requests, _NEEDS_NOTHING)
        _share_weights(directory, inner)
        list_of(inner).record(_files_of(inner))
    list_of(directory).record(
        name
        for name in _files_of(directory)
        if not name.startswith(f"{versions.CORE}/")
    )


def _files_of(directory: pathlib.Path) -> list[str]:
    return [
        path.relative_to(directory).as_posix()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    ]


def installed_versions() -> dict[str, str]:
    """Versions of the libraries that write or load a SavedModel."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def check_fingerprint(version: pathlib.Path) -> None:
    """Refuses a damaged `fingerprint.pb`, which TensorFlow logs as a trace.

    Raises:
        ValueError: If it cannot be read.
    """
    path = version / stable_names.FINGERPRINT_FILE
    if not path.is_file():  # TensorFlow does not need it
        return
    try:
        fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    except google.protobuf.message.DecodeError as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error


def _write_one(
    directory: pathlib.Path,
    constants: list[tf.Variable],
    functions: Functions,
    provenance: dict[str, Any],
    requests: Sequence[Request],
    how_to_load: str,
) -> None:
    # Only what the signatures reach: no second copy of their functions.
    module = tf.Module(name="classifier")
    module.constants = constants
    tf.saved_model.save(module, str(directory), signatures=functions)
    stable_names.renumber(directory)
    allowed_ops.check_ops(directory)
    extra = directory / EXTRA
    extra.mkdir()
    _write_json(extra / VERSIONS_FILE, installed_versions())
    _write_json(extra / PROVENANCE_FILE, provenance)
    text = how_to_load.format(signatures=", ".join(sorted(functions)))
    (extra / HOW_TO_LOAD_FILE).write_text(text, "utf-8")
    warmup.write_requests(
        extra, [request for request in requests if request[0] in functions]
    )


def _share_weights(model: pathlib.Path, core: pathlib.Path) -> None:
    """Links the weights of a core to those of its model.

    Both hold the same tensors under the same names. The files differ only in
    the list of signatures, which loading does not read.
    """
    linked = core / "linked"
    try:
        shutil.copytree(model / "variables", linked, copy_function=os.link)
    except OSError:  # no hard links here: the core keeps its own weights
        shutil.rmtree(linked, ignore_errors=True)
        return
    shutil.rmtree(core / "variables")
    linked.rename(core / "variables")
    stable_names.write_fingerprint(core)


def _write_json(path: pathlib.Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True), "utf-8")
