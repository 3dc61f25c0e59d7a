"""The libraries that ours is compared with, if they are installed."""

import functools
import importlib
import importlib.util
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Encode = Callable[[list[str]], np.ndarray]

INSTALL = "pip install -r benchmarks/requirements-peers.txt"


@functools.cache  # prints once
def import_peer(module: str) -> Any:
    """Imports a peer; prints how to install a missing one, returns `None`."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        print(f"{module} is not timed ({error}). To install it: {INSTALL}\n")
        return None


def import_torch() -> Any:
    """Imports torch, and torchvision so that it works, if they are installed.

    Call it before TensorFlow is imported: only then can a torchvision built
    for another device be imported (transformers imports it too).
    """
    # Comes with torch for CUDA, and its LLVM crashes XLA's in the same process.
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]
    torch = import_peer("torch")
    if torch is not None and importlib.util.find_spec("torchvision"):
        from tools import torchvision_slices

        torchvision_slices.import_models()
    return torch


def torchvision_slice(name: str) -> Any:
    """Builds torchvision's slice; prints why it cannot, returns `None`."""
    if import_torch() is None or import_peer("torchvision") is None:
        return None
    from tools import torchvision_slices

    if name not in torchvision_slices.NAMES:
        print(f"torchvision has no {name}: not timed.\n")
        return None
    models = torchvision_slices.import_models()
    return torchvision_slices.build_slice(models, name)


def import_deepinsight() -> Any:
    """Imports pyDeepInsight's image transformer, or returns None.

    Its package imports a feature selector whose requirements it does not
    declare, so only the module that is needed is opened.
    """
    spec = importlib.util.find_spec("pyDeepInsight")
    if spec is None or spec.origin is None:
        return import_peer("pyDeepInsight")
    folder = pathlib.Path(spec.origin).parent
    for name, path in (
        ("pyDeepInsight", folder),
        ("pyDeepInsight.utils", folder / "utils"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    return import_peer("pyDeepInsight.image_transformer")


def hugging_face(
    directory: str,
    attention: str,
    threads: int,
    device: str,
    tokens: int,
    dtype: str = "float32",
) -> Encode | None:
    """Hugging Face transformers: texts to stacks of every layer.

    Texts are sorted by length and batched by a token budget, each batch
    padded to its longest: what a careful user does.
    """
    transformers = import_peer("transformers")
    torch = import_peer("torch")
    if transformers is None or torch is None:
        return None
    torch.set_num_threads(threads)
    where = torch.device("cuda" if device == "gpu" else "cpu")
    model = transformers.BertModel.from_pretrained(
        directory,
        dtype=getattr(torch, dtype),
        attn_implementation=attention,
        add_pooling_layer=False,
    )
    model.eval().to(where)

    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            states = model(
                input_ids=torch.from_numpy(ids).to(where),
                attention_mask=torch.from_numpy(mask).to(where),
                output_hidden_states=True,
            ).hidden_states[1:]
            stacks = torch.stack([x[:, 0] for x in states], 1)
            return stacks.float().cpu().numpy()

    return _in_sorted_batches(directory, forward, tokens)


def onnx_runtime(
    directory: str, threads: int, device: str, tokens: int, scratch: str
) -> Encode | None:
    """The same in onnxruntime, with every graph optimisation."""
    modules = ("onnxruntime", "onnx", "transformers", "torch")
    imported = {name: import_peer(name) for name in modules}
    if None in imported.values():
        return None
    runtime = imported["onnxruntime"]
    file = f"{scratch}/encoder.onnx"
    _export_onnx(imported["torch"], imported["transformers"], directory, file)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = (
        runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    )
    provider = "CUDA" if device == "gpu" else "CPU"
    session = runtime.InferenceSession(
        file, options, providers=[f"{provider}ExecutionProvider"]
    )

    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return session.run(None, {"ids": ids, "mask": mask})[0]

    return _in_sorted_batches(directory, forward, tokens)


def _export_onnx(
    torch: Any, transformers: Any, directory: str, file: str
) -> None:
    model = transformers.BertModel.from_pretrained(
        directory,
        dtype=torch.float32,
        attn_implementation="eager",
        add_pooling_layer=False,
    ).eval()

    class Stacks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = model

        def forward(self, ids: Any, mask: Any) -> Any:
            states = self.bert(
                input_ids=ids, attention_mask=mask, output_hidden_states=True
            ).hidden_states[1:]
            return torch.stack([x[:, 0] for x in states], 1)

    ids = torch.ones((2, 16), dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    with torch.inference_mode():
        torch.onnx.export(
            Stacks(),
            (ids, ids),
            file,
            input_names=["ids", "mask"],
            output_names=["stacks"],
            dynamic_axes={"ids": axes, "mask": axes, "stacks": {0: "texts"}},
            opset_version=17,
            dynamo=False,
        )


def _in_sorted_batches(
    directory: str,
    forward: Callable[[np.ndarray, np.ndarray], np.ndarray],
    tokens: int,
) -> Encode:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)

    def batches(lengths: np.ndarray) -> Iterator[np.ndarray]:
        order = np.argsort(-lengths, kind="stable")
        while len(order):
            size = max(1, tokens // int(lengths[order[0]]))
            yield order[:size]
            order = order[size:]

    def encode(texts: list[str]) -> np.ndarray:
        ids = tokenizer(texts, truncation=True, max_length=512)["input_ids"]
        stacks: list[Any] = [None] * len(texts)
        for rows in batches(np.array([len(row) for row in ids])):
            width = len(ids[rows[0]])
            padded = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for index, row in enumerate(rows):
                padded[index, : len(ids[row])] = ids[row]
                mask[index, : len(ids[row])] = 1
            for row, stack in zip(rows, forward(padded, mask), strict=True):
                stacks[row] = stack
        return np.stack(stacks)

    return encode
