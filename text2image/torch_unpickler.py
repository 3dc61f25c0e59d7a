"""A pickle reader that can build tensors and plain values, and nothing else.

A pickle is a program. Here it may call only what a state dict of plain tensors
needs: `OrderedDict`, the rebuilding of a tensor from its storage, and the names
of storage types. A few harmless names that training scripts keep beside the
tensors (NumPy's numbers, `argparse.Namespace`) become empty stand-ins. Any
other name in the file is refused. No name is ever looked up or imported.

Source: torch 2.13, torch/serialization.py and torch/_utils.py.
"""

import collections
import pickle
import typing
from collections.abc import Callable

import numpy as np

BFLOAT16 = "bfloat16"  # NumPy has none
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
# What training scripts keep beside the tensors. Its content is not needed.
_INERT = {
    "_codecs": ("encode",),
    "argparse": ("Namespace",),
    "builtins": ("complex", "frozenset", "range", "set", "slice"),
    "__builtin__": ("complex", "frozenset", "set", "slice", "xrange"),
    "collections": ("defaultdict",),
    "datetime": ("date", "datetime", "timedelta"),
    "numpy": ("dtype", "ndarray"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "pathlib": ("Path", "PosixPath", "PurePosixPath", "WindowsPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePosixPath", "WindowsPath"),
    "torch": (
        *("Size", "device", "bfloat16", "float16", "float32", "float64"),
        *("bool", "int8", "int32", "int64", "uint8"),
    ),
}
# Packages of the settings that Lightning and Hydra keep with a checkpoint.
_INERT_PACKAGES = ("lightning", "omegaconf", "pytorch_lightning")


class Storage(typing.NamedTuple):
    """Numbers in the file that tensors are views of.

    Attributes:
        dtype: NumPy's name of their type, or `BFLOAT16`.
        key: Name of the storage in the file.
        length: How many numbers it has.
    """

    dtype: str
    key: str
    length: int

    @property
    def stored_dtype(self) -> np.dtype:
        """Type to read the bytes with; bfloat16 as its 16 bits."""
        return np.dtype("<u2" if self.dtype == BFLOAT16 else self.dtype)


class Tensor(typing.NamedTuple):
    """A view of a storage; offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Unpickler(pickle.Unpickler):
    """Looks names up in a short table, and nowhere else.

    Attributes:
        storages: Key to storage, for every storage that the pickle names.
    """

    def __init__(self, stream: typing.IO[bytes]) -> None:
        """Prepares to read one pickle."""
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}
        # New ones for each file, so that a file cannot alter the next one's.
        rebuild = _rebuilder()
        self._inert = _inert_class()
        self._allowed: dict[tuple[str, str], object] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor"): rebuild,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            **{("torch", name): dtype for name, dtype in _DTYPES.items()},
        }

    def find_class(self, module: str, name: str) -> object:
        """Returns the stand-in of a name.

        Raises:
            ValueError: If the table has no such name.
        """
        if (module, name) in self._allowed:
            return self._allowed[module, name]
        package = module.split(".")[0]
        if name in _INERT.get(module, ()) or package in _INERT_PACKAGES:
            return self._inert
        raise ValueError(
            "the file asks for more than a state dict of plain tensors needs. "
            f"Received: {module}.{name}. {_cure(module, name)}"
        )

    def persistent_load(self, pid: object) -> Storage:
        """Notes a storage, whose numbers are read later."""
        kind, dtype, key, _, length, *view = typing.cast(tuple, pid)
        if kind != "storage" or dtype not in _DTYPES.values() or any(view):
            raise ValueError(f"unknown kind of storage. Received: {pid!r}")
        storage = Storage(dtype, str(key), int(length))
        self.storages[storage.key] = storage
        return storage


def _cure(module: str, name: str) -> str:
    """Tells whole models, which hold their classes, from hostile files."""
    package = module.split(".")[0]
    if package == "__torch__":
        return (
            "It is a TorchScript program: where it can be loaded, run "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')."
        )
    is_class = name[:1].isupper() and "." not in name
    if is_class and package not in ("builtins", "collections", "os"):
        return (
            "It seems to be a whole model: where it can be loaded, run "
            "torch.save(model.state_dict(), 'weights.pth')."
        )
    return "Do not load it."


def _rebuilder() -> Callable[..., Tensor]:
    def rebuild(
        storage: Storage,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *_: object,
    ) -> Tensor:
        return Tensor(storage, offset, tuple(shape), tuple(strides))

    return rebuild


def _inert_class() -> type:
    class Inert:
        """Takes whatever a pickle gives an object, and keeps nothing."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __setstate__(self, _: object) -> None:
            pass

        def __setitem__(self, _: object, __: object) -> None:
            pass

        def append(self, _: object) -> None:
            """Drops an element of a list."""

        def extend(self, _: object) -> None:
            """Drops elements of a list."""

        def add(self, _: object) -> None:
            """Drops an element of a set."""

    return Inert
