"""The image route: trained by the usual loop, cross-validated on its features.

The frozen half is fitted to the images of all train texts, without labels.
"""

import dataclasses
import functools
import io
import pathlib
import shutil
import time

import keras
import numpy as np
import scipy.special
from absl import logging

from tfrecords import files, paths, reader, schema
from trainers.config import TrainConfig
from trainers.distribution.workers import SINGLE
from trainers.network import model, optimizer
from trainers.runs import checkpoints
from trainers.runs.workdir import MODEL_FILE
from trainers.selection.choice import Predictions
from trainers.selection.clock import Clock, OutOfTimeError
from trainers.selection.folds import NUM_FOLDS
from trainers.training import fit, loop, precision, sources
from trainers.training import trainee as trainees
from trainers.training.inputs import Inputs, count_batches, predict
from trainers.training.metrics import evaluate
from trainers.training.trainee import Trainee

_FOLDS = "image route: folds"
_UPSAMPLE = "image route: upsample"
# Texts for which the preset's penalty and images without enlargement are meant:
# the demo has 1,408. Times 0.1 it is 200, the sum that cross-validation chose
# for 10,000 and 20,000 reviews (docs/results/learning_curves.md).
_FEW = 2000
_PROBED = 64  # images
_BATCH = 256
# What a training takes besides its epochs.
_OVERHEAD = 1.3


def settings_for(
    config: TrainConfig,
    manifest: schema.Manifest,
    records: paths.Path,
    clock: Clock,
) -> TrainConfig:
    """Returns the settings for as many texts as there are, and time for.

    Above 2,000 texts, `--l2` becomes smaller in proportion, so that it stays
    the same prior of the weights, as C of a regression does; and images are
    enlarged as the slice's stride asks for, unless `--upsample` is set or
    there is too little time.

    Raises:
        OutOfTimeError: If the frozen half's output for all images would take
            too long.
    """
    count = manifest.num_examples("train")
    config = dataclasses.replace(config, l2=config.l2 * min(1, _FEW / count))
    # With the share of the time that is left for the feature maps.
    choices = [(config.upsample or 1, 0.5)]
    if count > _FEW and not config.upsample:
        choices = [(config.enlargement, 0.25), *choices]

    def choose() -> int:
        for upsample, share in choices:
            # The autoencoder is fitted to most of them, besides.
            seconds = 2 * _seconds_of_maps(
                dataclasses.replace(config, upsample=upsample),
                manifest,
                records,
            )
            if seconds <= share * clock.left:
                return upsample
        raise OutOfTimeError(
            f"feature maps of {count:,} train images and the others would "
            f"take {seconds:.0f} s"
        )

    return dataclasses.replace(config, upsample=clock.decide(_UPSAMPLE, choose))


def _seconds_of_maps(
    config: TrainConfig, manifest: schema.Manifest, records: paths.Path
) -> float:
    """Seconds of the frozen half for all images, measured on some."""
    # The contrast would have to be fitted first, and takes no time.
    extractor = model.build_extractor(
        dataclasses.replace(config, contrast=1.0), manifest.schema.shape
    )
    batch = next(
        iter(
            reader.read_records(
                records, "train", batch_size=_PROBED, manifest=manifest
            )
        )
    )["image"].numpy()
    predict(extractor, batch)  # traces
    start = time.monotonic()
    predict(extractor, batch)
    count = sum(map(manifest.num_examples, manifest.splits))
    return (time.monotonic() - start) * count / len(batch)


def cross_validate(
    config: TrainConfig,
    records: paths.Path,
    features: pathlib.Path,
    fold_of_id: dict[str, int],
    row_of_id: dict[str, int],
    results: pathlib.Path,
    clock: Clock,
) -> tuple[Predictions, Trainee]:
    """Predicts the images of as many folds as there is time for.

    Args:
        config: Settings of the training.
        records: `image` records.
        features: Directory of the frozen half's output, shared with the
            training on all texts.
        fold_of_id: Record id of every train text to its fold.
        row_of_id: The same to the text's number.
        results: Directory for the predictions of each fold.
        clock: Decides the number of folds.

    Returns:
        The predictions, and the network with its inputs, not trained.

    Raises:
        OutOfTimeError: If one fold and the training on all would take too
            long.
    """
    manifest = reader.open_records(records, kind="image")
    prepared = trainees.prepare(
        config, records, manifest, features, is_shared=True, workers=SINGLE
    )
    train = prepared.inputs["train"]
    fold = np.array([fold_of_id[key] for key in train.ids])
    rows = np.array([row_of_id[key] for key in train.ids])
    parts: dict[int, np.ndarray] = {}
    folds = NUM_FOLDS
    for number in range(NUM_FOLDS):
        if number >= folds:
            break
        path = results / f"images-fold-{number}.npy"
        held = fold == number
        if not held.any():
            continue
        if path.is_file():
            parts[number] = np.load(path, allow_pickle=False)
        else:
            start = time.monotonic()
            logits = _fold(config, prepared, held, results, clock)
            parts[number] = scipy.special.log_softmax(logits, axis=1)
            seconds = time.monotonic() - start
            folds = clock.decide(
                _FOLDS, functools.partial(_affordable, seconds, clock.left)
            )
            content = io.BytesIO()
            np.save(content, parts[number])
            files.write_bytes(path, content.getvalue())
        folds = clock.decisions[_FOLDS]
    every = np.concatenate([rows[fold == number] for number in parts])
    order = np.argsort(every)
    values = np.concatenate(list(parts.values()))
    return Predictions(every[order], values[order]), prepared


def validate(prepared: Trainee, workdir: pathlib.Path) -> np.ndarray:
    """Log-probabilities `(N, K)` of the validation images by a finished run.

    Args:
        prepared: What `cross_validate` returned.
        workdir: Directory of the run.
    """
    checkpoints.load(
        workdir / MODEL_FILE, checkpoints.variables(prepared.models.whole)
    )
    logits = prepared.validation_logits().astype(np.float64)
    return scipy.special.log_softmax(logits, axis=1)


def _affordable(seconds: float, left: float) -> int:
    """Folds that there is time for, the first and the last training counted."""
    final = seconds * NUM_FOLDS / (NUM_FOLDS - 1) * _OVERHEAD
    return int(np.clip(1 + (left - final) // seconds, 1, NUM_FOLDS))


def _fold(
    config: TrainConfig,
    prepared: Trainee,
    held: np.ndarray,
    results: pathlib.Path,
    clock: Clock,
) -> np.ndarray:
    """Trains on the other folds; logits `(n, K)` of the held examples."""
    part = {
        name: _subset(prepared.inputs["train"], rows)
        for name, rows in (("train", ~held), ("validation", held))
    }
    keras.utils.set_random_seed(config.seed)
    classifier = model.build_classifier(
        config,
        tuple(prepared.models.features.output.shape[1:]),
        prepared.models.classifier.output.shape[-1],
    )
    models = dataclasses.replace(prepared.models, classifier=classifier)
    subject = Trainee(models, classifier, part, _BATCH)
    train, validation = part["train"], part["validation"]
    num_steps = count_batches(len(train.labels), config.batch_size)
    is_cosine = config.lr_schedule == "cosine"
    loop.compile_classifier(
        classifier,
        optimizer.PartwiseAdam(
            config.learning_rates,
            decay_steps=config.epochs * num_steps if is_cosine else 0,
        ),
    )
    directory = results / "fold"
    if directory.exists():  # of a run that was killed
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    fit.fit(
        classifier,
        sources.from_inputs(
            train,
            sources.Order(len(train.labels), config.batch_size, config.seed),
        ),
        fit.Schedule(
            epochs=config.epochs,
            seed=config.seed,
            rates="--autoencoder_lr and --head_lr",
            unit="image",
            precision=precision.resolve(config.precision),
            jit_compile=config.jit_compile,
            class_weight=trainees.class_weight(train.labels, config),
        ),
        workdir=directory,
        saved=checkpoints.variables(classifier, classifier.optimizer),
        validate=lambda: evaluate(
            subject.validation_logits(), validation.labels
        ),
        start=lambda: trainees.fit_standardization(subject, config.batch_size),
        user_callbacks=[_StopIfLate(config.epochs, clock)],
    )
    shutil.rmtree(directory)
    return subject.validation_logits()


def _subset(inputs: Inputs, rows: np.ndarray) -> Inputs:
    numbers = np.flatnonzero(rows)
    return Inputs(
        inputs.values[numbers],
        inputs.labels[numbers],
        [inputs.ids[number] for number in numbers],
    )


class _StopIfLate(keras.callbacks.Callback):
    """Stops after an epoch if this training and a longer one take too long."""

    def __init__(self, epochs: int, clock: Clock) -> None:
        super().__init__()
        self._epochs = epochs
        self._clock = clock
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Notes when the second epoch starts: the first one compiles."""
        if epoch <= 1:
            self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Extrapolates.

        Raises:
            OutOfTimeError: If there is too little time.
        """
        if _FOLDS in self._clock.decisions:
            return
        each = (time.monotonic() - self._start) / max(epoch, 1)
        fold = (self._epochs - epoch - 1) * each
        final = self._epochs * each * _OVERHEAD
        if fold + final > self._clock.left:
            raise OutOfTimeError(
                f"its trainings would take {fold + final:.0f} s more"
            )
        logging.debug("image route: %.1f s per epoch", each)


def clear(features: pathlib.Path) -> None:
    """Removes the frozen half's output."""
    if features.exists():
        shutil.rmtree(features)
