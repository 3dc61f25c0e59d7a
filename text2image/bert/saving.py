"""An encoder as a directory that Hugging Face's transformers reads.

keras-hub's own preset of a BERT does not say which form of GELU, which epsilon
and which tokeniser it has; this form does.
"""

import json
import pathlib
import shutil

import safetensors.numpy

from text2image.bert import backbones, wordpiece_files
from text2image.bert.checkpoint import Checkpoint
from text2image.bert.headers import BERT, DISTILBERT

# What `wordpiece_files.read_wordpiece` reads.
_TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.txt", "tokenizer_config.json"),
    *("special_tokens_map.json", "added_tokens.json"),
)
_ARCHITECTURES = {BERT: "BertModel", DISTILBERT: "DistilBertModel"}


def save(
    directory: pathlib.Path,
    checkpoint: Checkpoint,
    source: str,
    family: str = BERT,
) -> None:
    """Writes config, weights and tokeniser; the same bytes for the same ones.

    Args:
        directory: Created; what is in it already is overwritten.
        checkpoint: The encoder.
        source: Where it came from, as `checkpoint.locate` returns it: its
            tokeniser's files are copied, if they are Hugging Face's.
        family: `headers.BERT` or `headers.DISTILBERT`.

    Raises:
        ValueError: If files cannot state its tokeniser.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(
        json.dumps(_config(checkpoint, family), indent=2, sort_keys=True),
        "utf-8",
    )
    tensors = {
        weight.name: weight.tensor()
        for weight in backbones.weights(checkpoint.backbone, family)
    }
    (directory / "model.safetensors").write_bytes(
        safetensors.numpy.save(tensors, {"format": "pt"})
    )
    _write_tokenizer(directory, checkpoint, pathlib.Path(source))
    written = wordpiece_files.read_wordpiece(directory)
    if written.vocabulary != checkpoint.wordpiece.vocabulary or (
        written.normalizer != checkpoint.wordpiece.normalizer
    ):
        raise ValueError(
            f"The tokeniser of {source} cannot be stated by vocab.txt and "
            "tokenizer_config.json. Name another --encoder."
        )


def _config(checkpoint: Checkpoint, family: str) -> dict[str, object]:
    backbone = checkpoint.backbone
    hidden_act = {"exact": "gelu", "tanh": "gelu_new"}[checkpoint.gelu]
    common = {
        "architectures": [_ARCHITECTURES[family]],
        "model_type": family,
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": backbone.max_sequence_length,
        "pad_token_id": checkpoint.wordpiece.id_of(
            checkpoint.wordpiece.special.pad
        ),
    }
    if family == DISTILBERT:
        return common | {
            "n_layers": backbone.num_layers,
            "n_heads": backbone.num_heads,
            "dim": backbone.hidden_dim,
            "hidden_dim": backbone.intermediate_dim,
            "activation": hidden_act,
        }
    return common | {
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "hidden_size": backbone.hidden_dim,
        "intermediate_size": backbone.intermediate_dim,
        "type_vocab_size": backbone.num_segments,
        "hidden_act": hidden_act,
        "layer_norm_eps": backbone.get_layer("embeddings_layer_norm").epsilon,
    }


def _write_tokenizer(
    directory: pathlib.Path, checkpoint: Checkpoint, source: pathlib.Path
) -> None:
    is_preset = not source.is_dir() or (source / "assets").is_dir()
    if not is_preset:
        for name in _TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, directory / name)
        return
    wordpiece = checkpoint.wordpiece
    (directory / "vocab.txt").write_text(
        "\n".join(wordpiece.vocabulary) + "\n", "utf-8"
    )
    (directory / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "do_lower_case": wordpiece.lowercase,
                "tokenizer_class": "BertTokenizer",
            },
            sort_keys=True,
        ),
        "utf-8",
    )
