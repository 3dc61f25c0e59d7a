"""Reads the tensors of a torch .pth file without torch.

A .pth file is a pickle, and a pickle is a program. Here it may call only what a
state dict of plain tensors needs: `OrderedDict`, the rebuilding of a tensor
from its storage, and the names of storage types. Any other name in the file is
refused before it is looked up. Both layouts are read: the zip archive of torch
>= 1.6 and the older stream.

Source: torch 2.13, torch/serialization.py (`_load`, `_legacy_load`).
"""

import collections
import pathlib
import pickle
import typing
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class _Storage(typing.NamedTuple):
    dtype: str
    key: str
    length: int


class _Tensor(typing.NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a state dict.

    Args:
        path: A file that `torch.save(model.state_dict(), path)` wrote.

    Returns:
        torch's name to array, in torch's layout.

    Raises:
        ValueError: If the file is damaged, holds values that are not plain
            tensors, or calls anything that a state dict does not need.
    """
    try:
        if zipfile.is_zipfile(path):
            state, storages = _read_archive(path)
        else:
            state, storages = _read_stream(path)
        return {
            name: _materialise(name, tensor, storages)
            for name, tensor in _checked(state).items()
        }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(
            f"{path} is not a readable torch state dict: {error!r}. Fetch it "
            "again."
        ) from error


def _read_archive(path: pathlib.Path) -> tuple[object, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        index = next(n for n in names if n.split("/")[1:] == ["data.pkl"])
        root = index.removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            _require_little_endian(
                archive.read(f"{root}byteorder") == b"little"
            )
        with archive.open(index) as stream:
            unpickler = _Unpickler(stream)
            state = unpickler.load()
        storages = {}
        for key, storage in unpickler.keys.items():
            entry = archive.getinfo(f"{root}data/{key}")
            expected = storage.length * np.dtype(storage.dtype).itemsize
            if entry.file_size != expected:
                raise ValueError(
                    f"storage {key}: expected {expected} bytes. Received: "
                    f"{entry.file_size}"
                )
            storages[key] = archive.read(entry)
    return state, storages


def _read_stream(path: pathlib.Path) -> tuple[object, dict[str, bytes]]:
    with path.open("rb") as stream:
        magic, protocol, system = (_Unpickler(stream).load() for _ in range(3))
        if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
            raise ValueError(
                "not a torch file: expected its magic number and protocol "
                f"{_LEGACY_PROTOCOL}. Received: {magic!r}, {protocol!r}"
            )
        _require_little_endian(system["little_endian"])
        unpickler = _Unpickler(stream)
        state = unpickler.load()
        storages = {}
        for key in _Unpickler(stream).load():
            size = np.dtype(unpickler.keys[key].dtype).itemsize
            length = int.from_bytes(stream.read(8), "little")
            storages[key] = stream.read(length * size)
    return state, storages


class _Unpickler(pickle.Unpickler):
    """Looks names up in a short table, and nowhere else."""

    def __init__(self, stream: typing.IO[bytes]) -> None:
        super().__init__(stream)
        self.keys: dict[str, _Storage] = {}
        # A new one for each file, so that a file cannot alter the next one's.
        rebuild = _rebuilder()
        self._allowed: dict[tuple[str, str], object] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor"): rebuild,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            **{("torch", name): dtype for name, dtype in _DTYPES.items()},
        }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._allowed:
            raise ValueError(
                "the file asks for more than a state dict of plain tensors "
                f"needs. Received: {module}.{name}. Do not load it."
            )
        return self._allowed[module, name]

    def persistent_load(self, pid: object) -> _Storage:
        kind, dtype, key, _, length, *view = typing.cast(tuple, pid)
        if kind != "storage" or dtype not in _DTYPES.values() or any(view):
            raise ValueError(f"unknown kind of storage. Received: {pid!r}")
        storage = _Storage(dtype, str(key), int(length))
        self.keys[storage.key] = storage
        return storage


def _rebuilder() -> Callable[..., _Tensor]:
    def rebuild(
        storage: _Storage,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *_: object,
    ) -> _Tensor:
        return _Tensor(storage, offset, tuple(shape), tuple(strides))

    return rebuild


def _checked(state: object) -> Mapping[str, _Tensor]:
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(tensor, _Tensor)
        for name, tensor in state.items()
    ):
        raise ValueError(
            "expected a state dict of names and tensors. Received: a "
            f"{type(state).__name__} with non-tensor values"
        )
    return state


def _materialise(
    name: str, tensor: _Tensor, storages: Mapping[str, bytes]
) -> np.ndarray:
    storage, offset, shape, strides = tensor
    data = np.frombuffer(storages[storage.key], storage.dtype)
    if len(data) != storage.length:
        raise ValueError(
            f"{name}: expected {storage.length} numbers. Received: {len(data)}"
        )
    last = offset + sum(
        (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
    )
    if min((offset, *shape, *strides)) < 0 or last >= len(data):
        raise ValueError(
            f"{name}: shape {shape} with strides {strides} from {offset} does "
            f"not lie within its {len(data)} numbers"
        )
    steps = [stride * data.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(data[offset:], shape, steps).copy()


def _require_little_endian(is_little: object) -> None:
    if not is_little:
        raise ValueError(
            "expected little-endian numbers. Received: big-endian ones. "
            "Convert the file with torch on the machine that wrote it."
        )
