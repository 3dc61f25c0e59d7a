"""BERT checkpoints: keras-hub presets, Hugging Face's and Google's files."""

import dataclasses
import hashlib
import pathlib

import keras_hub
from absl import logging

from text2image import hashes
from text2image.bert import backbones, headers, locations, wordpiece_files
from text2image.bert.locations import MINI, locate
from text2image.bert.wordpiece import WordPiece, bert_steps

__all__ = [
    "MINI",
    "Checkpoint",
    "identify",
    "identify_tokenizer",
    "load_checkpoint",
    "locate",
    "read_tuning",
]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A loaded BERT with its vocabulary.

    Attributes:
        backbone: keras-hub `BertBackbone`, dropout 0.
        wordpiece: Its tokeniser.
        gelu: Form of GELU that it was trained with: `exact` (erf) or `tanh`.
    """

    backbone: keras_hub.models.BertBackbone
    wordpiece: WordPiece
    gelu: str


def identify(source: str) -> str:
    """Returns the sha256 of a checkpoint without loading it.

    Args:
        source: What `locate` returns. A directory is hashed with all its
            files; of a preset that keras-hub fetches by name, only the name
            is hashed.
    """
    path = pathlib.Path(source)
    if path.is_dir():
        return hashes.sha256_of_directory(path)
    return hashlib.sha256(source.encode()).hexdigest()


def identify_tokenizer(source: str) -> str:
    """As `wordpiece_files.identify_tokenizer`, of what `locate` returns."""
    path = pathlib.Path(source)
    return wordpiece_files.identify_tokenizer(path) if path.is_dir() else ""


def read_tuning(source: str) -> dict[str, int]:
    """Says how a checkpoint was tuned, as it states itself.

    Args:
        source: What `locate` returns.

    Returns:
        `epochs` and `num_texts`; nothing if it was not tuned.
    """
    path = pathlib.Path(source) / headers.TUNING
    if not path.is_file():
        return {}
    tuning = headers.read_config(path)
    return {name: int(tuning[name]) for name in ("epochs", "num_texts")}


def load_checkpoint(source: str, dtype: str = "float32") -> Checkpoint:
    """Loads a checkpoint.

    GELU: Hugging Face's and Google's files state its form (`hidden_act`), on
    every way in. Google's checkpoints, which keras-hub calls `bert_*`, were
    trained with the exact form, and the paper used it. Any other keras-hub
    preset uses the tanh form that keras-hub saved it with.

    Args:
        source: See `locate`. A directory is a keras-hub preset, a BERT or
            DistilBERT of Hugging Face, or a BERT of Google.
        dtype: Type of weights and computation.

    Raises:
        FileNotFoundError: If the directory or one of its files is missing.
        ValueError: If the checkpoint is not a BERT that can be computed, is
            damaged, or its vocabulary is larger than its embeddings.
        RuntimeError: If a preset cannot be fetched.
    """
    located = locate(source)
    path = pathlib.Path(located)
    if not path.is_dir():
        return _load_named_preset(located, dtype)
    header = headers.read_header(path)
    config = headers.read_config(headers.config_file(path))
    if headers.is_keras_hub_preset(config):
        _require(path, ("tokenizer.json", "model.weights.h5"))
        return _load_preset(str(path), header.gelu, dtype)
    wordpiece = wordpiece_files.read_wordpiece(path)
    for note in wordpiece.notes:
        logging.info("encoder: %s", note)
    _check_vocabulary(path, wordpiece, header.vocabulary_size)
    return Checkpoint(
        backbones.build(path, header, dtype), wordpiece, header.gelu
    )


def _load_named_preset(name: str, dtype: str) -> Checkpoint:
    gelu = "exact" if name.startswith("bert_") else "tanh"
    try:
        return _load_preset(name, gelu, dtype)
    except Exception as error:
        locations.check_connection(name, "keras-hub")
        raise RuntimeError(
            f"The keras-hub preset {name!r} could not be loaded ({error}). "
            "Without a network, pass a directory with --encoder=PATH."
        ) from error


def _load_preset(source: str, gelu: str, dtype: str) -> Checkpoint:
    backbone = keras_hub.models.BertBackbone.from_preset(
        source, dropout=0.0, dtype=dtype
    )
    tokenizer = keras_hub.models.BertTokenizer.from_preset(source)
    backbones.set_gelu(backbone, gelu)
    wordpiece = WordPiece(
        list(tokenizer.get_vocabulary()),
        bert_steps(lowercase=bool(tokenizer.lowercase)),
    )
    _check_vocabulary(source, wordpiece, backbone.vocabulary_size)
    return Checkpoint(backbone, wordpiece, gelu)


def _check_vocabulary(
    source: str | pathlib.Path, wordpiece: WordPiece, num_rows: int
) -> None:
    # More rows than tokens are legal: some are padded to a multiple of 64.
    if wordpiece.num_ids > num_rows:
        raise ValueError(
            f"--encoder={source}: the vocabulary has {wordpiece.num_ids} "
            f"tokens, the embeddings have {num_rows} rows (`vocab_size` of the "
            "config). Expected at most as many tokens as rows. Is it the "
            "vocabulary of another model? Fetch the files of one model."
        )


def _require(path: pathlib.Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"--encoder={path} is a keras-hub preset by its config. Missing: "
            f"{missing}"
        )
