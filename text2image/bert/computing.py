"""What an encoder computes with: engine, dtype, batch size, by device."""

import dataclasses
import math
import pathlib

from text2image import cpu, devices
from text2image.bert import openvino_engine
from text2image.bert.headers import read_header

# By engine, on a CPU. XLA's batch fits the caches of a core:
# docs/results/speed.md#encoder.
_CPU_TOKENS = {
    "tensorflow": 512,
    "openvino": openvino_engine.TOKENS_PER_BATCH,
}
# A GPU computes a few hundred tokens in less time than it takes to start them.
_LEAST_GPU_TOKENS, _MOST_GPU_TOKENS = 4096, 65_536
# Peak of values per token and number of the hidden size D without XLA: three
# copies of the attention scores (D / 64 heads times 512 positions: 8), of the
# inner layer (4), and two of six states; in float32.
_BYTES_PER_TOKEN = 4 * (3 * 8 + 3 * 4 + 2 * 6)
_GPU_SHARE = 0.5  # of the memory; the rest is for weights and fragmentation
# Batches in flight, at least: neither a GPU nor a core waits for the host. The
# bytes of a batch do not depend on the other batches.
_LEAST_BATCHES_AT_ONCE = 3
# A fixed set of shapes; the least padding that it allows on IMDB is 8%.
_MOST_WIDTHS = {"gpu": 8, "cpu": 32}
# A shape of MiniLM (hidden size 384) takes XLA 1.5 s on one core, in which two
# cores encode 12,600 tokens; a larger model takes longer per token.
_COMPILATION_TOKENS, _COMPILED_SIZE = 12_600, 384
_DEFAULT_SIZE = 768  # of a preset that is known by name: BERT base
# Smaller encoders spend little time in products: by TensorFlow, so that the
# demo gives the same on every CPU.
_LEAST_OPENVINO_SIZE = 384


@dataclasses.dataclass(frozen=True)
class Device:
    """What TensorFlow computes on.

    Attributes:
        kind: `cpu` or `gpu`.
        has_bfloat16: Whether units multiply bfloat16: of a GPU, or of a CPU
            if OpenVINO uses them.
        has_openvino: Whether OpenVINO is installed.
        memory: Bytes of a GPU's memory.
    """

    kind: str
    has_bfloat16: bool
    has_openvino: bool
    memory: int = 0


@dataclasses.dataclass(frozen=True)
class Computing:
    """How an encoder computes, resolved from settings and device.

    Attributes:
        engine: `tensorflow` or `openvino`.
        dtype: `float32` or `bfloat16`.
        tokens_per_batch: Tokens per batch, padding included.
        batches_at_once: Batches in flight.
        is_compiled: Whether XLA compiles every shape.
        device: `cpu` or `gpu`.
        max_widths: Most widths of batches.
        compilation_tokens: Tokens that are encoded in the time that one more
            width costs.
    """

    engine: str
    dtype: str
    tokens_per_batch: int
    batches_at_once: int
    is_compiled: bool
    device: str
    max_widths: int
    compilation_tokens: float


def resolve(
    engine: str = "auto",
    dtype: str = "auto",
    tokens_per_batch: int = 0,
    *,
    hidden_dim: int,
    compiled: bool | None = None,
    device: Device | None = None,
) -> Computing:
    """Resolves settings by the device that TensorFlow uses.

    Args:
        engine: One of `options.ENCODER_ENGINES`.
        dtype: One of `options.ENCODER_DTYPES`.
        tokens_per_batch: Tokens per batch; 0: by device.
        hidden_dim: Hidden size D of the encoder.
        compiled: Whether XLA compiles every shape; by default on CPUs. On a
            GPU it would time its kernels for every shape.
        device: By default the one at hand.

    Raises:
        ValueError: If the engine is not installed or does not run there.
    """
    device = device or find_device()
    engine = _engine(engine, dtype, hidden_dim, device)
    on_gpu = device.kind == "gpu"
    by_tensorflow = engine == "tensorflow"
    if dtype == "auto":
        pays = device.has_bfloat16 and (on_gpu or not by_tensorflow)
        dtype = "bfloat16" if pays else "float32"
    if not tokens_per_batch:
        if on_gpu:
            tokens_per_batch = gpu_tokens(device.memory, hidden_dim)
        else:
            tokens_per_batch = _CPU_TOKENS[engine]
    is_compiled = by_tensorflow and (
        not on_gpu if compiled is None else compiled
    )
    at_once = _LEAST_BATCHES_AT_ONCE
    if not by_tensorflow:
        at_once = openvino_engine.num_streams()
    elif not on_gpu:
        at_once = max(at_once, cpu.count())
    return Computing(
        engine,
        dtype,
        tokens_per_batch,
        at_once,
        is_compiled,
        device.kind,
        _MOST_WIDTHS[device.kind],
        _COMPILATION_TOKENS * _COMPILED_SIZE / hidden_dim * is_compiled,
    )


def find_device() -> Device:
    """Returns what TensorFlow computes on."""
    has_openvino = openvino_engine.is_installed()
    if not devices.has_gpu():
        return Device(
            "cpu", openvino_engine.openvino_pays("bfloat16"), has_openvino
        )
    return Device(
        "gpu",
        devices.supports_bfloat16(),
        has_openvino,
        devices.memory_bytes(),
    )


def hidden_dim(located: str) -> int:
    """Returns the hidden size of an encoder without loading it.

    Args:
        located: What `checkpoint.locate` returns.
    """
    path = pathlib.Path(located)
    return read_header(path).hidden_dim if path.is_dir() else _DEFAULT_SIZE


def gpu_tokens(memory: int, hidden_dim: int) -> int:
    """Returns the tokens of a GPU's batch: a power of two that fits.

    Args:
        memory: Bytes of its memory.
        hidden_dim: Hidden size D of the encoder.
    """
    per_token = _BYTES_PER_TOKEN * hidden_dim * _LEAST_BATCHES_AT_ONCE
    fitting = max(1, _GPU_SHARE * memory / per_token)
    power = 2 ** int(math.log2(fitting))
    return min(max(power, _LEAST_GPU_TOKENS), _MOST_GPU_TOKENS)


def _engine(engine: str, dtype: str, hidden_dim: int, device: Device) -> str:
    if engine == "auto":
        has_units = dtype == "bfloat16" and device.has_bfloat16
        pays = (
            device.kind == "cpu"
            and device.has_openvino
            and (dtype == "auto" or has_units)
            and hidden_dim >= _LEAST_OPENVINO_SIZE
        )
        return "openvino" if pays else "tensorflow"
    if engine == "openvino" and device.kind == "gpu":
        raise ValueError(
            "--encoder_engine=openvino must run on a CPU. Received: a GPU, "
            "which TensorFlow uses. Use --device=cpu, or "
            "--encoder_engine=tensorflow."
        )
    if engine == "openvino" and not device.has_openvino:
        raise ValueError(
            "--encoder_engine=openvino must have OpenVINO. Received: an "
            "environment without it. Use `pip install "
            "'text-as-image[fast-cpu]'`, or --encoder_engine=tensorflow."
        )
    return engine
