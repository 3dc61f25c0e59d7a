"""Tensors of a BERT's weights, in every layout that they are published in.

Nothing in a file is executed. Names and layouts are those of Hugging Face's
BertModel (`encoder.layer.0.attention.self.query.weight`, output first).
"""

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import safetensors
import tensorflow as tf

from text2image import file_signatures, torch_reader
from text2image.bert import headers

Read = Callable[[], np.ndarray]
_INDEX = ".index.json"
_SAFETENSORS, _TORCH = "model.safetensors", "pytorch_model.bin"
_CHECKPOINT = "bert_model.ckpt"
_UNREAD = ("tf_model.h5", "flax_model.msgpack", "model.onnx", "*.gguf")
# Google's names (google-research/bert, modeling.py) in Hugging Face's terms.
_GOOGLE = (
    ("bert/", ""),
    ("layer_", "layer."),
    ("kernel", "weight"),
    ("word_embeddings", "word_embeddings/weight"),
    ("position_embeddings", "position_embeddings/weight"),
    ("token_type_embeddings", "token_type_embeddings/weight"),
    ("/", "."),
)


def has_weights(directory: pathlib.Path) -> bool:
    """Whether a directory has weights that `open_tensors` reads."""
    return any((directory / name).is_file() for name in _LAYOUTS)


@contextlib.contextmanager
def open_tensors(directory: pathlib.Path) -> Iterator["Tensors"]:
    """Opens the weights of a directory.

    Args:
        directory: With `model.safetensors`, `pytorch_model.bin`, either in
            shards with an index, or Google's `bert_model.ckpt`.

    Raises:
        FileNotFoundError: If it has no weights, or lacks a shard.
        ValueError: If a file is damaged.
    """
    with contextlib.ExitStack() as stack:
        for name, read in _LAYOUTS.items():
            path = directory / name
            if path.is_file():
                yield Tensors(path, read(path, stack))
                return
        unread = [
            file.name for kind in _UNREAD for file in directory.glob(kind)
        ]
        raise FileNotFoundError(
            f"--encoder={directory} must have weights as {_SAFETENSORS}, "
            f"{_TORCH} (either in shards) or {_CHECKPOINT}.index. Missing: "
            f"all of them{f'; {unread} is not read' if unread else ''}."
        )


class Tensors:
    """Tensors by name, read one at a time, whatever prefix the file has.

    Attributes:
        path: The file, or the index of its shards.
    """

    def __init__(self, path: pathlib.Path, readers: Mapping[str, Read]):
        """Wraps the readers of a file's tensors."""
        self.path = path
        self._readers = readers
        end = "embeddings.word_embeddings.weight"
        stems = [
            name.removesuffix(end) for name in readers if name.endswith(end)
        ]
        # The encoder itself where a file holds several models.
        self._prefix = min(stems, key=len, default="")

    def __call__(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Reads a tensor.

        Args:
            name: Name without the file's prefix; `weight` and `bias` of a
                LayerNorm are also found as `gamma` and `beta`.
            shape: The shape that it must have.

        Raises:
            ValueError: If it is missing, has another shape or is not finite;
                names file and tensor.
        """
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        )
        read = self._readers.get(self._prefix + name) or self._readers.get(
            self._prefix + old
        )
        if read is None:
            raise ValueError(
                f"{self.path}: the tensor {self._prefix + name!r} is missing "
                f"among {len(self._readers)}, such as "
                f"{sorted(self._readers)[:3]}. Is it the weights of this "
                "config?"
            )
        array = np.asarray(read())
        if array.shape != shape:
            raise ValueError(
                f"{self.path}: the tensor {self._prefix + name!r} must have "
                f"the shape {shape}, by the config beside it. Received: "
                f"{array.shape}. Is it the weights of this config?"
            )
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError(
                f"{self.path}: the tensor {self._prefix + name!r} has values "
                "that are not finite (NaN or infinity). Fetch it again, or "
                "name another --encoder."
            )
        return array


def _safetensors(
    path: pathlib.Path, stack: contextlib.ExitStack
) -> dict[str, Read]:
    file_signatures.refuse_stand_in(path)
    try:
        file = stack.enter_context(safetensors.safe_open(path, "numpy"))
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged or cut short ({error}; {path.stat().st_size} "
            "bytes). Fetch it again."
        ) from error
    return {
        name: lambda name=name: file.get_tensor(name)  # type: ignore[misc]
        for name in file.keys()  # noqa: SIM118  it is no dictionary
    }


def _torch(path: pathlib.Path, _: contextlib.ExitStack) -> dict[str, Read]:
    arrays = torch_reader.read_state_dict(path)
    return {
        name: lambda array=array: array  # type: ignore[misc]
        for name, array in arrays.items()
    }


def _shards(
    index: pathlib.Path, stack: contextlib.ExitStack
) -> dict[str, Read]:
    """Reads the shards that an index of Hugging Face lists."""
    weights = headers.read_config(index).get("weight_map")
    if not isinstance(weights, dict):
        raise ValueError(f"{index}: `weight_map` is missing. Fetch it again.")
    readers: dict[str, Read] = {}
    names = sorted({pathlib.PurePath(str(n)).name for n in weights.values()})
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{index} lists {len(names)} files of weights. Missing: "
            f"{', '.join(missing)}. Fetch them into {index.parent}."
        )
    for name in names:
        read = _safetensors if name.endswith(".safetensors") else _torch
        readers |= read(index.parent / name, stack)
    return readers


def _google(path: pathlib.Path, _: contextlib.ExitStack) -> dict[str, Read]:
    try:
        reader = tf.train.load_checkpoint(str(path.with_suffix("")))
        names = reader.get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, or its .data file is missing "
            f"({str(error).splitlines()[0]}). Fetch both again."
        ) from error
    readers: dict[str, Read] = {}
    for name in names:
        if name.startswith("bert/"):
            readers[_from_google(name)] = _reader(path, reader, name)
    return readers


def _reader(path: pathlib.Path, checkpoint: Any, name: str) -> Read:
    def read() -> np.ndarray:
        try:
            array = checkpoint.get_tensor(name)
        except tf.errors.OpError as error:
            raise ValueError(
                f"{path}: the tensor {name!r} cannot be read "
                f"({str(error).splitlines()[0]}). Fetch it again."
            ) from error
        return array.T if name.endswith("kernel") else array

    return read


def _from_google(name: str) -> str:
    for old, new in _GOOGLE:
        name = name.replace(old, new)
    return name


# A file to look for, and its reader; the first that is found is read.
_LAYOUTS: dict[
    str, Callable[[pathlib.Path, contextlib.ExitStack], dict[str, Read]]
] = {
    _SAFETENSORS: _safetensors,
    _SAFETENSORS + _INDEX: _shards,
    _TORCH: _torch,
    _TORCH + _INDEX: _shards,
    _CHECKPOINT + ".index": _google,
}
