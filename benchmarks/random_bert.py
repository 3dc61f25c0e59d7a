"""A BERT of random weights, where none can be downloaded."""

import json
import pathlib

import numpy as np
import safetensors.numpy

from text2image import assets
from text2image.bert.headers import BERT, Header

BERT_BASE = Header(BERT, 30_522, 12, 12, 768, 3072, 512)
SMALL_BERT = Header(BERT, 8_000, 4, 4, 256, 1024, 512)
# Fills up the shipped vocabulary: a word that is one token, and in no text.
WORD = "word{:05d}"


def write(directory: pathlib.Path, header: Header, seed: int = 0) -> None:
    """Writes a BERT with random weights as a Hugging Face directory."""
    directory.mkdir(parents=True)
    source = assets.mini_encoder() / "assets/tokenizer/vocabulary.txt"
    tokens = source.read_text("utf-8").splitlines()[: header.vocabulary_size]
    missing = header.vocabulary_size - len(tokens)
    tokens += map(WORD.format, range(missing))
    (directory / "vocab.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    config = {
        "model_type": "bert",
        "vocab_size": header.vocabulary_size,
        "num_hidden_layers": header.num_layers,
        "num_attention_heads": header.num_heads,
        "hidden_size": header.hidden_dim,
        "intermediate_size": header.intermediate_dim,
        "max_position_embeddings": header.max_sequence_length,
    }
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True}), "utf-8"
    )
    (directory / "config.json").write_text(json.dumps(config), "utf-8")
    rng = np.random.default_rng(seed)
    safetensors.numpy.save_file(
        {
            name: (
                # BERT's own start: Devlin et al. 2018, initializer_range.
                0.02 * rng.standard_normal(shape, np.float32)
                if len(shape) == 2
                else np.full(shape, "LayerNorm.weight" in name, np.float32)
            )
            for name, shape in _shapes(header).items()
        },
        directory / "model.safetensors",
    )


def _shapes(header: Header) -> dict[str, tuple[int, ...]]:
    """Hugging Face's names of a BERT's tensors, kernels (out, in)."""
    hidden, inner = header.hidden_dim, header.intermediate_dim
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (header.vocabulary_size, hidden),
        "embeddings.position_embeddings.weight": (
            header.max_sequence_length,
            hidden,
        ),
        "embeddings.token_type_embeddings.weight": (
            header.num_segments,
            hidden,
        ),
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(header.num_layers):
        layer = f"encoder.layer.{number}"
        dense = {
            "attention.self.query": (hidden, hidden),
            "attention.self.key": (hidden, hidden),
            "attention.self.value": (hidden, hidden),
            "attention.output.dense": (hidden, hidden),
            "intermediate.dense": (inner, hidden),
            "output.dense": (hidden, inner),
        }
        for name, shape in dense.items():
            shapes[f"{layer}.{name}.weight"] = shape
            shapes[f"{layer}.{name}.bias"] = shape[:1]
        norms += [
            f"{layer}.attention.output.LayerNorm",
            f"{layer}.output.LayerNorm",
        ]
    for name in norms:
        shapes |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    return shapes
