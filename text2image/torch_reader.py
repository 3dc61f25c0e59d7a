"""Reads the tensors of a torch .pth file without torch.

Nothing in the file is executed (`torch_unpickler`). Both layouts are read: the
zip archive of torch >= 1.6 and the older stream. Plain values beside the
tensors (epoch, optimizer, settings) are passed over.

Source: torch 2.13, torch/serialization.py (`_load`, `_legacy_load`).
"""

import pathlib
import typing
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

from text2image import file_signatures, torch_unpickler
from text2image.torch_unpickler import Tensor, Unpickler

Arrays = dict[str, np.ndarray]
Tensors = dict[str, Tensor]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
# Where training scripts keep the model's tensors, the usual places first.
_STATE_KEYS = (
    *("state_dict", "model_state_dict", "model", "model_state", "module"),
    *("net", "network", "weights", "params", "params_ema", "state_dict_ema"),
    *("model_ema", "ema", "ema_state_dict"),
)
_MAX_DEPTH = 4  # of dictionaries, down to the tensors


class StateDict(typing.NamedTuple):
    """The tensors of a file.

    Attributes:
        arrays: torch's name to array, in torch's layout; bfloat16 as float32.
        key: Where they lie in the file, such as `state_dict`; empty if the
            file is the state dict itself.
    """

    arrays: Arrays
    key: str


def read_state_dict(path: pathlib.Path) -> Arrays:
    """Reads every tensor of a state dict; as `read_checkpoint(path).arrays`."""
    return read_checkpoint(path).arrays


def read_checkpoint(path: pathlib.Path) -> StateDict:
    """Reads the tensors of a state dict, or of one inside a checkpoint.

    Args:
        path: A file that `torch.save(model.state_dict(), path)` wrote, or
            `torch.save` of a dictionary that holds such a state dict.

    Returns:
        The tensors. Values that are not tensors are left out.

    Raises:
        ValueError: If the file is damaged, holds no tensors or several state
            dicts none of which has a usual name, or calls anything that a
            state dict does not need.
    """
    file_signatures.refuse_stand_in(path)
    try:
        if zipfile.is_zipfile(path):
            key, tensors, storages = _read_archive(path)
        else:
            key, tensors, storages = _read_stream(path)
        arrays = {
            name: _materialise(name, tensor, storages)
            for name, tensor in tensors.items()
        }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(
            f"{path} is not a readable torch state dict: {error!r}. Fetch it "
            "again."
        ) from error
    return StateDict(arrays, key)


def _read_archive(path: pathlib.Path) -> tuple[str, Tensors, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        indices = [n for n in names if n.split("/")[1:] == ["data.pkl"]]
        if not indices:
            raise ValueError(
                "not a torch file: expected a zip archive with data.pkl. "
                f"Received: {', '.join(names[:3]) or 'an empty archive'}"
            )
        root = indices[0].removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            _require_little_endian(
                archive.read(f"{root}byteorder") == b"little"
            )
        with archive.open(indices[0]) as stream:
            unpickler = Unpickler(stream)
            key, tensors = _model_tensors(unpickler.load())
        storages = {}
        for storage in {tensor.storage for tensor in tensors.values()}:
            entry = archive.getinfo(f"{root}data/{storage.key}")
            expected = storage.length * storage.stored_dtype.itemsize
            if entry.file_size != expected:
                raise ValueError(
                    f"storage {storage.key}: expected {expected} bytes. "
                    f"Received: {entry.file_size}"
                )
            storages[storage.key] = archive.read(entry)
    return key, tensors, storages


def _read_stream(path: pathlib.Path) -> tuple[str, Tensors, dict[str, bytes]]:
    with path.open("rb") as stream:
        magic, protocol, system = (Unpickler(stream).load() for _ in range(3))
        if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
            raise ValueError(
                "not a torch file: expected its magic number and protocol "
                f"{_LEGACY_PROTOCOL}. Received: {magic!r}, {protocol!r}"
            )
        _require_little_endian(system["little_endian"])
        unpickler = Unpickler(stream)
        key, tensors = _model_tensors(unpickler.load())
        needed = {tensor.storage.key for tensor in tensors.values()}
        storages = {}
        for name in Unpickler(stream).load():
            size = unpickler.storages[name].stored_dtype.itemsize
            length = int.from_bytes(stream.read(8), "little")
            if name in needed:
                storages[name] = stream.read(length * size)
            else:
                stream.seek(length * size, 1)
    return key, tensors, storages


def _model_tensors(state: object) -> tuple[str, Tensors]:
    """Returns the tensors of the model, and where they lie."""
    if not isinstance(state, dict):
        raise ValueError(
            "expected a state dict of names and tensors. Received: a "
            f"{type(state).__name__}"
        )
    dicts = dict(_dicts_of_tensors(state, ()))
    if not dicts:
        names = ", ".join(str(name) for name in list(state)[:5])
        raise ValueError(
            "expected a state dict of names and tensors. Received: a "
            f"{type(state).__name__} without tensors ({names or 'empty'})"
        )
    ranks = {where: _rank(where) for where in dicts}
    best = [w for w, rank in ranks.items() if rank == min(ranks.values())]
    if len(best) > 1:
        names = ", ".join(".".join(where) for where in best[:5])
        raise ValueError(
            "expected the tensors of one model. Received: those of several "
            f"({names}). Where the file can be loaded, run "
            "torch.save(checkpoint[NAME], 'weights.pth')"
        )
    return ".".join(best[0]), dicts[best[0]]


def _dicts_of_tensors(
    state: dict, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Tensors]]:
    """Yields dictionaries that hold tensors, and where they lie."""
    named = {k: v for k, v in state.items() if isinstance(k, str)}
    tensors = {k: v for k, v in named.items() if isinstance(v, Tensor)}
    if any(tensor.shape for tensor in tensors.values()):
        yield where, tensors  # single numbers alone are a best accuracy
    if len(where) < _MAX_DEPTH:
        for name, value in named.items():
            if isinstance(value, dict):
                yield from _dicts_of_tensors(value, (*where, name))


def _rank(where: tuple[str, ...]) -> int:
    known = where and where[0] in _STATE_KEYS
    return _STATE_KEYS.index(where[0]) if known else len(_STATE_KEYS)


def _materialise(
    name: str, tensor: Tensor, storages: Mapping[str, bytes]
) -> np.ndarray:
    storage, offset, shape, strides = tensor
    data = np.frombuffer(storages[storage.key], storage.stored_dtype)
    if len(data) != storage.length:
        raise ValueError(
            f"{name}: expected {storage.length} numbers. Received: {len(data)}"
        )
    last = offset + sum(
        (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
    )
    is_empty = 0 in shape
    if min((offset, *shape, *strides)) < 0 or (
        last >= len(data) and not is_empty
    ):
        raise ValueError(
            f"{name}: shape {shape} with strides {strides} from {offset} does "
            f"not lie within its {len(data)} numbers"
        )
    if is_empty:
        array = np.zeros(shape, data.dtype)
    else:
        steps = [stride * data.itemsize for stride in strides]
        view = np.lib.stride_tricks.as_strided(data[offset:], shape, steps)
        array = view.copy()
    if storage.dtype == torch_unpickler.BFLOAT16:
        return bfloat16_to_float32(array)
    return array


def bfloat16_to_float32(bits: np.ndarray) -> np.ndarray:
    """Widens bfloat16, given as its 16 bits in uint16; exact."""
    # bfloat16 is the upper half of a float32.
    return (bits.astype("<u4") << 16).view("<f4")


def _require_little_endian(is_little: object) -> None:
    if not is_little:
        raise ValueError(
            "expected little-endian numbers. Received: big-endian ones. "
            "Convert the file with torch on the machine that wrote it."
        )
