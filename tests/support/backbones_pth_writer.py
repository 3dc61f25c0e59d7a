"""Writes state dicts in torch's two layouts without torch.

The files have the structure of those of torch.save (a test reads both with the
same reader), so that tests can write files in the published layout, and hostile
ones, of any size.
"""

import collections
import io
import pathlib
import pickle
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",  # arrays of ml_dtypes
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


class Global:
    """A name that the pickle refers to; this process need not have it."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self):  # pickle insists that it could be called
        raise NotImplementedError


class _Storage:
    def __init__(self, key: str, array: np.ndarray):
        self.key, self.array = key, array


class _Tensor:
    def __init__(self, storage: _Storage):
        self.storage = storage

    def __reduce__(self):
        array = self.storage.array
        strides = tuple(s // array.itemsize for s in array.strides)
        hooks = collections.OrderedDict()
        rebuild = Global("torch._utils", "_rebuild_tensor_v2")
        return rebuild, (self.storage, 0, array.shape, strides, False, hooks)


class _Pickler(pickle._Pickler):
    is_stream = False

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        kind = Global("torch", _STORAGES[str(obj.array.dtype)])
        pid = ("storage", kind, obj.key, "cpu", obj.array.size)
        return (*pid, None) if self.is_stream else pid


def _dump(stream, obj, is_stream):
    pickler = _Pickler(stream, protocol=2)
    pickler.is_stream = is_stream
    pickler.dump(obj)


def _wrapped(state, storages):
    wrapped = collections.OrderedDict()
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            key = str(len(storages))
            # Zero-dimensional arrays keep their shape.
            array = np.array(value, order="C")
            storages[key] = _Storage(key, array)
            value = _Tensor(storages[key])
        elif isinstance(value, dict):
            value = _wrapped(value, storages)
        wrapped[name] = value
    return wrapped


def write_state(path: pathlib.Path, state: dict, *, stream: bool) -> None:
    """Writes torch's name to array, also in dictionaries within.

    Other values are pickled as they are.
    """
    storages = {}
    wrapped = _wrapped(state, storages)
    if stream:
        with path.open("wb") as file:
            system = {"protocol_version": 1001, "little_endian": True}
            for obj in (MAGIC, 1001, system, wrapped, list(storages)):
                _dump(file, obj, is_stream=True)
            for storage in storages.values():
                file.write(storage.array.size.to_bytes(8, "little"))
                file.write(storage.array.tobytes())
        return
    with zipfile.ZipFile(path, "w") as archive:
        index = io.BytesIO()
        _dump(index, wrapped, is_stream=False)
        archive.writestr("archive/data.pkl", index.getvalue())
        archive.writestr("archive/byteorder", "little")
        for key, storage in storages.items():
            archive.writestr(f"archive/data/{key}", storage.array.tobytes())
