"""What a run trains and what that reads, decided once."""

import dataclasses
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfrecords import paths, schema
from trainers.config import TrainConfig
from trainers.distribution.workers import Workers
from trainers.network import model, optimizer
from trainers.training import frozen_half, loop, sources
from trainers.training.feature_cache import FeatureCache
from trainers.training.inputs import (
    Inputs,
    RowFile,
    count_batches,
    predict,
    predict_all,
)

_EVALUATION_BATCH = 256
_FIT_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Trainee:
    """The part of a network that trains, with its inputs.

    Attributes:
        models: The network.
        model: The part that is compiled and trained: the classifier on cached
            features, or the whole network on images if the features of an
            image depend on its batch.
        inputs: Split name to what `model` reads.
        evaluation_batch: Examples per batch of a validation.
    """

    models: model.Models
    model: keras.Model
    inputs: dict[str, Inputs]
    evaluation_batch: int

    def validation_logits(self) -> np.ndarray:
        """Returns logits `(N, K)` of the validation split, in its order."""
        return predict_all(
            self.model, self._validation_values, self.evaluation_batch
        )

    @functools.cached_property
    def _validation_values(self) -> np.ndarray | RowFile | tf.Tensor:
        """The validation inputs, sent to the device once for all epochs."""
        train = self.inputs["train"].values
        return sources.on_device(
            self.inputs["validation"].values,
            beside=0 if isinstance(train, RowFile) else train.nbytes,
        )

    def count_correct(self) -> int:
        """Counts the validation examples that are classified correctly."""
        predictions = self.validation_logits().argmax(axis=1)
        return int((predictions == self.inputs["validation"].labels).sum())


def prepare(
    config: TrainConfig,
    records: paths.Path,
    manifest: schema.Manifest,
    cache_directory: pathlib.Path,
    *,
    is_shared: bool,
    workers: Workers,
) -> Trainee:
    """Builds, compiles and feeds the network of a run.

    Args:
        config: Settings of the run.
        records: Directory of the `image` records.
        manifest: Manifest of the records.
        cache_directory: Where features are kept that do not fit into memory.
        is_shared: Whether all features are kept there for other runs.
        workers: Processes that compute the features together.
    """
    is_constant = config.has_constant_maps
    models = model.build_models(
        config, manifest.schema.shape, len(manifest.schema.label_names)
    )
    trained = models.classifier if is_constant else models.whole
    num_steps = count_batches(manifest.num_examples("train"), config.batch_size)
    is_cosine = config.lr_schedule == "cosine"
    loop.compile_classifier(
        trained,
        optimizer.PartwiseAdam(
            # The layers of a slice have names of their own.
            {
                "" if part == "slice" else part: rate
                for part, rate in config.learning_rates.items()
            },
            decay_steps=config.epochs * num_steps if is_cosine else 0,
        ),
    )
    inputs = frozen_half.prepare(
        records,
        manifest,
        models,
        FeatureCache(
            cache_directory,
            frozen_half.key(config.slice_settings, manifest, models)
            if is_shared
            else "",
            config.cache_gb * 1e9,
            workers,
        ),
        is_constant=is_constant,
        # Where the batch changes an image's features, as in training.
        batch_size=_FIT_BATCH if is_constant else config.batch_size,
    )
    return Trainee(
        models,
        trained,
        inputs,
        config.batch_size
        if config.normalization == "batch"
        else _EVALUATION_BATCH,
    )


def fit_standardization(trainee: Trainee, batch_size: int) -> None:
    """Fits the input of the symmetric autoencoder, if there is one."""
    layer = trainee.models.standardization
    if layer is None:
        return
    values = trainee.inputs["train"].values
    batches = (
        values[start : start + batch_size]
        for start in range(0, len(values), batch_size)
    )
    if trainee.model is trainee.models.whole:
        batches = (
            predict(trainee.models.extractor, images) for images in batches
        )
    layer.fit(batches)


def class_weight(labels: np.ndarray, config: TrainConfig) -> tuple[float, ...]:
    """Weights of the classes in the loss, as `--class_weight` says.

    Args:
        labels: `(N,)` integers of the train split.
        config: Settings of the run. `balanced` is N / (K n) for a class of n
            examples, where K classes occur, as scikit-learn's
            `compute_class_weight`.

    Returns:
        One per class up to the largest label; none if all are 1.
    """
    if config.class_weight == "none":
        return ()
    counts = np.bincount(labels)
    weights = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return tuple(weights.tolist())


def image_variance_kept(
    trainee: Trainee, records: paths.Path, manifest: schema.Manifest
) -> float | None:
    """Measures the linear code on cached features; `None` without either."""
    code = trainee.models.linear_code
    if code is None or trainee.model is trainee.models.whole:
        return None
    estimates = trainee.inputs["validation"].values
    return frozen_half.image_variance_kept(records, manifest, code, estimates)
