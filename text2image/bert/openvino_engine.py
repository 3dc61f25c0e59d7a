"""BERT on a CPU by OpenVINO, from the Keras model that TensorFlow runs.

OpenVINO uses a CPU's bfloat16 units for the products and keeps softmax and
norms in float32. The extra `fast-cpu` installs it.
"""

import importlib.util
import pathlib
import sys
import tempfile
import threading
from collections.abc import Callable

import keras
import numpy as np

from text2image import cpu
from text2image.bert import openvino_graph

# What takes the least time per text on MiniLM and reviews, with the streams of
# `num_streams`: docs/results/speed.md, "CPU engine".
TOKENS_PER_BATCH = 1024  # padding included
# CPU flags of Linux, one of which is there if bfloat16 products have units.
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # by our dtype


def is_installed() -> bool:
    """Returns whether the extra `fast-cpu` is installed."""
    return importlib.util.find_spec("openvino") is not None


def openvino_pays(dtype: str = "bfloat16") -> bool:
    """Returns whether OpenVINO takes clearly less time than XLA on this CPU.

    In bfloat16, which XLA's CPU backend computes without the units, it takes
    half the time where the CPU has them; in float32 it is 1.1 times as fast
    (docs/results/speed.md, "CPU engine").

    Args:
        dtype: One of `options.ENCODER_DTYPES`.
    """
    return dtype == "bfloat16" and not _BFLOAT16_FLAGS.isdisjoint(_cpu_flags())


def num_streams() -> int:
    """Returns how many batches to compute at once: one per core.

    A stream of one thread waits for no other.
    """
    return cpu.count()


def build(
    model: keras.Model, pad_id: int, dtype: str, num_streams: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Compiles an encoder.

    The bytes of a batch depend on the batch and on the kind of CPU alone, not
    on threads, streams or other batches.

    Args:
        model: An encoder in float32 as `pooling.MODEL_BUILDERS` makes it, of L
            layers and hidden size D.
        pad_id: Token id of padding.
        dtype: One of `options.ENCODER_DTYPES`: type of the products.
        num_streams: Batches computed at once, each by one thread.

    Returns:
        A function from token ids `(N, T)` int32, any N and T, to stacks
        `(N, L, D)` float32. Every row must hold a token that is no padding.
        Any number of threads may call it at once.

    Raises:
        ImportError: If OpenVINO is not installed.
        ValueError: If the model is not in float32.
    """
    weight_dtypes = {weight.dtype for weight in model.weights}
    if weight_dtypes != {"float32"}:
        raise ValueError(
            "`model` must be in float32, whatever the `dtype` of OpenVINO's "
            f"products. Received: {sorted(weight_dtypes)}. Load the "
            "checkpoint with dtype='float32'."
        )
    # Without this package, OpenVINO's own stub stands in for it; with it, the
    # import of OpenVINO sends usage data unless the user has opted out.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino  # an extra
    except ImportError as error:
        raise ImportError(
            "--encoder_engine=openvino must have OpenVINO. Received: "
            f"{error}. Use `pip install 'text-as-image[fast-cpu]'`, or "
            "--encoder_engine=tensorflow."
        ) from error
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "encoder.xml"
        model.export(str(path), format="openvino", verbose=False)
        graph = core.read_model(path)
        openvino_graph.fuse(graph)
        compiled = core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _PRECISIONS[dtype],
                "NUM_STREAMS": num_streams,
                "INFERENCE_NUM_THREADS": num_streams,
            },
        )
    requests = threading.local()  # a request serves one thread

    def stacks_of_ids(ids: np.ndarray) -> np.ndarray:
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        outputs = requests.own.infer(
            {
                "token_ids": ids,
                "segment_ids": np.zeros_like(ids),
                "padding_mask": (ids != pad_id).astype(np.int32),
            }
        )
        return outputs[0]  # the others are sizes that the graph computes

    return stacks_of_ids


def _cpu_flags() -> set[str]:
    """The flags of the first core; none where the system does not say."""
    if not _CPU_INFO.exists():
        return set()
    for line in _CPU_INFO.read_text().splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return set(flags.split())
    return set()
