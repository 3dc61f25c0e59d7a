"""The half of a run that no step changes: fitted once, computed once."""

import hashlib
import itertools
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
import tqdm
from absl import logging

from tfrecords import schema
from trainers.config import TrainConfig
from trainers.network import linear_autoencoder, model
from trainers.runs import checkpoints
from trainers.training import feature_cache

# The linear autoencoder is fitted on so many train pictures at most: it asks
# for hundreds of weights a pixel, not for tens of thousands.
_MAX_FITTED = 10_000
_BATCH_SIZE = 128
_FITTED = "fitted.safetensors"


def prepare(
    config: TrainConfig,
    manifest: schema.Manifest,
    models: model.Models,
    scratch: pathlib.Path,
    *,
    shared: bool = False,
) -> dict[str, feature_cache.Inputs]:
    """What the classifier reads, of every record.

    Fits what is fitted to the train pictures (contrast, linear autoencoder)
    and computes the features, or, where those depend on a picture's batch,
    keeps the pictures.

    Args:
        config: Settings; `image_records` names the records.
        manifest: Theirs.
        models: Of `model.build_models`.
        scratch: Directory for what does not fit into memory.
        shared: Leave everything there for others, and use theirs.

    Returns:
        Split name to its inputs.
    """
    # Whatever is still to be fitted is known before it is: all zeros.
    share = key(config, manifest, models.features) if shared else ""
    fitted = scratch / _FITTED
    values = checkpoints.variables(models.features)
    # A kill may have left the features without what they were fitted by.
    if feature_cache.stands(scratch, share) and fitted.is_file():
        checkpoints.load(fitted, values)
    else:
        _fit(config, manifest, models)
    inputs = feature_cache.prepare_inputs(
        pathlib.Path(config.image_records),
        manifest,
        models.features if config.has_constant_maps else None,
        limit_bytes=config.cache_gb * 1e9,
        scratch=scratch,
        share=share,
    )
    if shared and not fitted.is_file():
        checkpoints.save(fitted, values, {})
    return inputs


def picture_kept(
    config: TrainConfig,
    manifest: schema.Manifest,
    models: model.Models,
    validation: feature_cache.Inputs,
) -> float | None:
    """Share of the validation pictures' variance that the linear code has.

    R^2 over pixels that vary, each in its own deviations, around the mean
    train picture; `None` if there is no such code, or none was kept.
    """
    if config.autoencoder != "linear" or not config.has_constant_maps:
        return None
    code = models.features.get_layer(model.LINEAR_CODE)
    start, error, total = 0, 0.0, 0.0
    for batch in feature_cache.read_pictures(
        pathlib.Path(config.image_records), "validation", manifest
    ):
        images = batch["image"]
        estimates = validation.values[start : start + len(images)]
        pixels = code.standardized(images)
        error += float(np.square(pixels - estimates, dtype=np.float64).sum())
        total += float(np.square(pixels, dtype=np.float64).sum())
        start += len(images)
    return 1.0 - error / total if total else None


def key(
    config: TrainConfig, manifest: schema.Manifest, computed: keras.Model
) -> str:
    """Of everything that features depend on; `computed` is not fitted yet."""
    digest = hashlib.sha256(
        f"{config.slice_settings} {config.autoencoder == 'linear'} "
        f"{manifest.fingerprint}".encode()
    )
    for weight in computed.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _fit(
    config: TrainConfig, manifest: schema.Manifest, models: model.Models
) -> None:
    records = pathlib.Path(config.image_records)
    if config.contrast != 1:
        models.extractor.get_layer("contrast").fit(
            batch["image"]
            for batch in feature_cache.read_pictures(records, "train", manifest)
        )
    if config.autoencoder != "linear":
        return
    code: linear_autoencoder.LinearReconstruction = models.features.get_layer(
        model.LINEAR_CODE
    )
    share = code.fit(_pictures_and_maps(config, manifest, models.extractor))
    logging.info("linear autoencoder: R^2 %.3f on train pictures", share)


def _pictures_and_maps(
    config: TrainConfig, manifest: schema.Manifest, extractor: keras.Model
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches from all over the train split, for it may be sorted."""
    # Where a batch matters, it is as large as in training.
    size = _BATCH_SIZE if config.has_constant_maps else config.batch_size
    count = manifest.num_examples("train")
    step = -(-count // _MAX_FITTED)
    batches = feature_cache.read_pictures(
        pathlib.Path(config.image_records), "train", manifest, size
    )
    with tqdm.tqdm(
        total=-(-count // size // step) * size,
        unit="image",
        desc="linear autoencoder",
    ) as progress:
        for batch in itertools.islice(batches, 0, None, step):
            images = batch["image"]
            yield images, feature_cache.predict(extractor, images)
            progress.update(len(images))
