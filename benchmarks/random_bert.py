"""A BERT base of random weights, where none can be downloaded."""

import json
import pathlib

import numpy as np

WORD = "word{:05d}"  # of its vocabulary
# Of BERT base; the names of its weights are Hugging Face's.
_CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "type_vocab_size": 2,
    "vocab_size": 30522,
}


def write(folder: pathlib.Path) -> None:
    """Writes its files, in Hugging Face's layout."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int) -> None:
        weights[f"{name}.weight"] = 0.02 * rng.standard_normal(
            shape, np.float32
        )

    def add_dense(name: str, rows: int, columns: int) -> None:
        add(name, rows, columns)
        weights[f"{name}.bias"] = np.zeros(rows, np.float32)

    def add_norm(name: str) -> None:
        weights[f"{name}.weight"] = np.ones(768, np.float32)
        weights[f"{name}.bias"] = np.zeros(768, np.float32)

    add("embeddings.word_embeddings", 30522, 768)
    add("embeddings.position_embeddings", 512, 768)
    add("embeddings.token_type_embeddings", 2, 768)
    add_norm("embeddings.LayerNorm")
    for number in range(12):
        layer = f"encoder.layer.{number}"
        for name in ("query", "key", "value"):
            add_dense(f"{layer}.attention.self.{name}", 768, 768)
        add_dense(f"{layer}.attention.output.dense", 768, 768)
        add_norm(f"{layer}.attention.output.LayerNorm")
        add_dense(f"{layer}.intermediate.dense", 3072, 768)
        add_dense(f"{layer}.output.dense", 768, 3072)
        add_norm(f"{layer}.output.LayerNorm")
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(_CONFIG))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [WORD.format(number) for number in range(30522 - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True})
    )
