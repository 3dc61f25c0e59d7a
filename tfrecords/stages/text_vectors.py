"""Vectors of the texts beside images: by BERT, or by a SavedModel."""

import dataclasses
import math
import pathlib
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from text2image.bert import headers
from text2image.bert.sentence_encoder import SentenceEncoder
from text2image.bert.tokens import Tokens
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MultimodalConfig
from tfrecords.stages import encoded_records, record_sets, unknown_tokens
from tfrecords.versions import installed_versions

# How manifests name the kind of an encoder; BERT has no name.
SAVED_MODEL = "saved_model"


class TextVectors(Protocol):
    """What encodes texts.

    Attributes:
        size: D, numbers per text.
    """

    size: int

    def check(self, texts: Iterable[str]) -> None:
        """Refuses texts whose language the encoder does not know."""

    def prepare(self, num_texts: int) -> None:
        """Prepares for this many texts, like those of `check`."""

    def tokenize(self, texts: list[str]) -> Any:
        """Does of a shard what can be done while another is encoded."""

    def encode(self, tokenized: Any) -> np.ndarray:
        """What `tokenize` returned of n texts, to `(n, D)` float32."""

    def details(self, audit: dict[str, Any]) -> dict[str, Any]:
        """Returns what the manifest keeps of encoder and audit."""

    def shares(self) -> dict[str, float]:
        """Returns what the manifest keeps of the texts that were encoded."""


class BertVectors:
    """See `TextVectors`; by BERT, all chosen layers of a text in a row."""

    def __init__(
        self,
        settings: RecordsConfig,
        chosen: MultimodalConfig,
        target: encoded_records.Target,
    ) -> None:
        """Loads the encoder; `settings` are resolved."""
        self._source, self._target = settings.encoder, target
        of_texts = dataclasses.replace(
            settings,
            layers=chosen.text_layers,
            pooling=chosen.pooling,
            # No flags of these records.
            long_texts="cut",
            clean="none",
        )
        self._encoder = encoded_records.build_encoder(
            of_texts, target.encoder_path
        )
        self._unknown = unknown_tokens.UnknownTokens()
        self.size = math.prod(self._encoder.stack_shape)

    def check(self, texts: Iterable[str]) -> None:
        """See `TextVectors`."""
        self._sample = unknown_tokens.check_vocabulary(
            self._encoder, self._source, texts
        )

    def prepare(self, num_texts: int) -> None:
        """See `TextVectors`."""
        self._encoder.prepare(self._sample, num_texts)

    def tokenize(self, texts: list[str]) -> Tokens:
        """See `TextVectors`."""
        tokens = self._encoder.tokenize(texts)
        self._unknown.add(tokens)
        return tokens

    def encode(self, tokenized: Tokens) -> np.ndarray:
        """See `TextVectors`."""
        stacks, _ = self._encoder.encode(tokenized)
        return stacks.reshape(len(stacks), self.size)

    def details(self, audit: dict[str, Any]) -> dict[str, Any]:
        """See `TextVectors`."""
        return encoded_records.common_details(
            self._target, audit, self._encoder
        )

    def shares(self) -> dict[str, float]:
        """See `TextVectors`."""
        return {"unknown_share": self._unknown.share}


class SentenceVectors:
    """See `TextVectors`; by a SavedModel, which has its own tokeniser."""

    def __init__(
        self,
        settings: RecordsConfig,
        chosen: MultimodalConfig,
        target: encoded_records.Target,
    ) -> None:
        """Loads the encoder."""
        self._target = target
        self._encoder = SentenceEncoder(target.encoder_path)
        self.size = self._encoder.size

    def check(self, texts: Iterable[str]) -> None:
        """Nothing: a SavedModel does not say what it knows."""

    def prepare(self, num_texts: int) -> None:
        """Nothing."""

    def tokenize(self, texts: list[str]) -> list[bytes]:
        """Returns the texts in UTF-8; lone surrogates become `?`."""
        return [text.encode("utf-8", "replace") for text in texts]

    def encode(self, tokenized: list[bytes]) -> np.ndarray:
        """See `TextVectors`."""
        return self._encoder.encode(tokenized)

    def details(self, audit: dict[str, Any]) -> dict[str, Any]:
        """See `TextVectors`."""
        path = pathlib.Path(self._target.encoder_path)
        return {
            "audit": audit,
            "encoder": {
                "kind": SAVED_MODEL,
                "source": str(path.resolve()),
                "sha256": self._target.provenance["encoder_sha256"],
                "hidden_size": self.size,
            },
            "versions": installed_versions(*record_sets.LIBRARIES),
        }

    def shares(self) -> dict[str, float]:
        """See `TextVectors`."""
        return {}


def build(
    settings: RecordsConfig,
    chosen: MultimodalConfig,
    target: encoded_records.Target,
) -> TextVectors:
    """Loads the encoder that the settings name; they are resolved."""
    by_sentence = headers.is_saved_model(target.encoder_path)
    kind = SentenceVectors if by_sentence else BertVectors
    return kind(settings, chosen, target)
