"""The texts of one draw beside the validation texts, in every form."""

import dataclasses
import functools
import inspect

import numpy as np

from text2image.bert.cleaning import clean_text
from text2image.deepinsight.transformer import DeepInsight
from tfrecords import paths, reader
from tfrecords.config import RecordsConfig
from tfrecords.stages import map_checks
from trainers.config import TrainConfig
from trainers.network import model
from trainers.training.inputs import predict, predict_all

_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Texts:
    """A split in memory.

    Attributes:
        stacks: `(N, L, D)` float32.
        labels: `(N,)` int64.
        texts: The N texts, cleaned as for the encoder, not truncated.
    """

    stacks: np.ndarray
    labels: np.ndarray
    texts: list[str]

    @classmethod
    def read(cls, cls_dir: paths.Path, split: str) -> "Texts":
        """Reads a split of `cls` records."""
        manifest = reader.open_records(cls_dir)
        clean = manifest.details.get("encoder", {}).get("clean", "none")
        batches = list(reader.read_records(cls_dir, split, manifest=manifest))
        return cls(
            np.concatenate([batch["stack"].numpy() for batch in batches]),
            np.concatenate([batch["label"].numpy() for batch in batches]),
            [
                clean_text(text.decode("utf-8"), clean)
                for batch in batches
                for text in batch["text"].numpy()
            ],
        )

    def take(self, rows: np.ndarray) -> "Texts":
        """Returns some rows, in their order."""
        texts = [self.texts[row] for row in rows]
        return Texts(self.stacks[rows], self.labels[rows], texts)


@dataclasses.dataclass(frozen=True)
class DrawnTexts:
    """The texts of one draw, and what is fitted to them and no others.

    Attributes:
        train: The drawn texts.
        validation: The validation texts, the same for every draw.
        num_classes: K, of the corpus.
        records: Settings of the map.
        config: Settings of the network; its seed is that of the draw.
    """

    train: Texts
    validation: Texts
    num_classes: int
    records: RecordsConfig
    config: TrainConfig

    @functools.cached_property
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """Train and validation images `(N, H, W, C)`.

        Scaler and pixel map are fitted to the stacks of the draw.
        """
        names = inspect.signature(DeepInsight).parameters
        settings = {
            name: getattr(self.records, name)
            for name in names
            if hasattr(self.records, name)
        }
        settings["perplexity"] = map_checks.perplexity_for(
            self.records, self.train.stacks[0].size
        )
        fitted = DeepInsight(**settings, random_state=self.records.map_seed)
        return (
            fitted.fit_transform(self.train.stacks),
            fitted.transform(self.validation.stacks),
        )

    def codes(self, weights: str) -> tuple[np.ndarray, np.ndarray]:
        """Computes the linear codes `(N, h, w, S)` of all images.

        Mean image and linear autoencoder are fitted to the draw's images.

        Args:
            weights: `--weights` of the slice.
        """
        config = dataclasses.replace(self.config, weights=weights)
        train, validation = self.images
        models = model.build_models(config, train.shape[1:], self.num_classes)
        batches = [
            train[start : start + _BATCH]
            for start in range(0, len(train), _BATCH)
        ]
        if models.contrast is not None:
            models.contrast.fit(batches)
        assert models.linear_code is not None
        models.linear_code.fit(
            (images, predict(models.extractor, images)) for images in batches
        )
        return (
            predict_all(models.features, train, _BATCH),
            predict_all(models.features, validation, _BATCH),
        )
