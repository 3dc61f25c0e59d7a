"""The peers that need more than an import."""

import importlib
import importlib.util
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import measuring

Encode = Callable[[list[str]], np.ndarray]


def import_torch() -> Any:
    """Imports torch, with torchvision in working order, if it is there.

    Call it before TensorFlow is imported: only then can a torchvision built
    for another device be imported (transformers imports it too).
    """
    torch = measuring.peer("torch")
    if torch is not None and importlib.util.find_spec("torchvision"):
        from tests.golden import make_backbones

        make_backbones.import_models()
    return torch


def import_deepinsight() -> Any:
    """Imports pyDeepInsight's image transformer, or returns None.

    Its package imports a feature selector whose requirements it does not
    declare, so only the module that is needed is opened.
    """
    spec = importlib.util.find_spec("pyDeepInsight")
    if spec is None or spec.origin is None:
        return measuring.peer("pyDeepInsight")
    place = pathlib.Path(spec.origin).parent
    for name, path in (
        ("pyDeepInsight", place),
        ("pyDeepInsight.utils", place / "utils"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    return measuring.peer("pyDeepInsight.image_transformer")


def hugging_face(
    directory: str, attention: str, threads: int, device: str, tokens: int
) -> Encode | None:
    """Hugging Face transformers: texts to stacks of every layer.

    Texts are sorted by length and batched by a token budget, each batch
    padded to its longest: what a careful user does.
    """
    transformers = measuring.peer("transformers")
    torch = measuring.peer("torch")
    if transformers is None or torch is None:
        return None
    torch.set_num_threads(threads)
    place = torch.device("cuda" if device == "gpu" else "cpu")
    model = transformers.BertModel.from_pretrained(
        directory,
        dtype=torch.float32,
        attn_implementation=attention,
        add_pooling_layer=False,
    )
    model.eval().to(place)

    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            states = model(
                input_ids=torch.from_numpy(ids).to(place),
                attention_mask=torch.from_numpy(mask).to(place),
                output_hidden_states=True,
            ).hidden_states[1:]
            return torch.stack([x[:, 0] for x in states], 1).cpu().numpy()

    return _in_sorted_batches(directory, forward, tokens)


def onnx_runtime(
    directory: str, threads: int, device: str, tokens: int, scratch: str
) -> Encode | None:
    """The same by onnxruntime, every graph optimisation on."""
    modules = ("onnxruntime", "onnx", "transformers", "torch")
    found = {name: measuring.peer(name) for name in modules}
    if None in found.values():
        return None
    runtime = found["onnxruntime"]
    file = f"{scratch}/encoder.onnx"
    _export_onnx(found["torch"], found["transformers"], directory, file)
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
        found: list[Any] = [None] * len(texts)
        for rows in batches(np.array([len(row) for row in ids])):
            width = len(ids[rows[0]])
            padded = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for index, row in enumerate(rows):
                padded[index, : len(ids[row])] = ids[row]
                mask[index, : len(ids[row])] = 1
            for row, stack in zip(rows, forward(padded, mask), strict=True):
                found[row] = stack
        return np.stack(found)

    return encode
