"""The methods of a learning curve: from drawn texts to probabilities."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import sklearn.exceptions
import sklearn.feature_extraction.text
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing

from tfrecords import ranges
from trainers.config import TrainConfig
from trainers.experiments.drawn_texts import DrawnTexts
from trainers.experiments.penalties import choose
from trainers.network import model, optimizer
from trainers.network.autoencoder import CellStandardization
from trainers.training import callbacks, fit, loop, sources, steps
from trainers.training.finite_loss import FiniteLoss
from trainers.training.inputs import Inputs, predict_all
from trainers.training.metrics import softmax

# Inverse penalties of logistic regression. Many classes want the weakest.
_CS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_TFIDF_CS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
# L2 penalties of the head, times the number of texts: a fixed prior of the
# weights, as C is. 400 is the 0.02 of runs on 20,000 texts.
_L2_SUMS = (2.0, 20.0, 200.0, 2000.0)
_EVALUATION_BATCH = 256
# In fewer texts, a word that occurs once is kept.
_ENOUGH_TEXTS = 1000

# Probabilities `(N, K)` of the validation texts, and the chosen penalty.
Answer = tuple[np.ndarray, float]


def _classify(
    drawn: DrawnTexts,
    train: np.ndarray,
    validation: np.ndarray,
    penalties: tuple[float, ...],
    fit_rows: Callable[..., np.ndarray],
) -> Answer:
    """Chooses the penalty on the train rows, then fits to all of them."""
    labels = drawn.train.labels

    def fit_fold(
        kept: np.ndarray, held: np.ndarray, penalty: float
    ) -> np.ndarray:
        return fit_rows(train[kept], labels[kept], train[held], penalty)

    penalty = choose(fit_fold, penalties, labels)
    return fit_rows(train, labels, validation, penalty), penalty


def _linear(
    drawn: DrawnTexts,
    train: np.ndarray,
    validation: np.ndarray,
    transformer: Callable[[], Any] = sklearn.preprocessing.StandardScaler,
    cs: tuple[float, ...] = _CS,
) -> Answer:
    """Fits logistic regression to standardised rows, or to texts."""

    def fit_rows(
        rows: np.ndarray, labels: np.ndarray, others: np.ndarray, c: float
    ) -> np.ndarray:
        pipeline = sklearn.pipeline.make_pipeline(
            transformer(),
            sklearn.linear_model.LogisticRegression(C=c, max_iter=300),
        )
        with warnings.catch_warnings():
            # The weakest penalties need more steps; they are rarely chosen.
            warnings.simplefilter(
                "ignore", sklearn.exceptions.ConvergenceWarning
            )
            pipeline.fit(rows, labels)
        probabilities = np.zeros((len(others), drawn.num_classes))
        probabilities[:, pipeline.classes_] = pipeline.predict_proba(others)
        return probabilities

    return _classify(drawn, train, validation, cs, fit_rows)


def _on_stacks(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = drawn.train.stacks, drawn.validation.stacks
    return _linear(drawn, _flat(train), _flat(validation))


def _on_images(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = drawn.images
    return _linear(drawn, _flat(train), _flat(validation))


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def _tfidf(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = (
        np.array(part.texts, object) for part in (drawn.train, drawn.validation)
    )

    def vectorizer() -> sklearn.feature_extraction.text.TfidfVectorizer:
        return sklearn.feature_extraction.text.TfidfVectorizer(
            ngram_range=(1, 2),
            min_df=1 if len(train) < _ENOUGH_TEXTS else 2,
            sublinear_tf=True,
        )

    return _linear(drawn, train, validation, vectorizer, _TFIDF_CS)


def _image_route(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = drawn.codes(drawn.config.weights)
    return _network(drawn, train, validation, min_steps)


def _random_filters(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = drawn.codes("random")
    return _network(drawn, train, validation, min_steps)


def _no_slice(drawn: DrawnTexts, min_steps: int) -> Answer:
    train, validation = drawn.images
    layer = CellStandardization()
    layer.build(train.shape)
    layer.fit([train])
    return _network(
        drawn, np.array(layer(train)), np.array(layer(validation)), min_steps
    )


def _network(
    drawn: DrawnTexts, train: np.ndarray, validation: np.ndarray, min_steps: int
) -> Answer:
    """Trains the head on codes `(N, h, w, S)`."""

    def fit_rows(
        rows: np.ndarray, labels: np.ndarray, others: np.ndarray, l2_sum: float
    ) -> np.ndarray:
        l2 = min(l2_sum / len(rows), ranges.PENALTY.most)
        config = dataclasses.replace(drawn.config, l2=l2)
        _start(config)
        classifier = model.build_classifier(
            config, rows.shape[1:], drawn.num_classes
        )
        train_network(classifier, config, rows, labels, min_steps)
        return softmax(predict_all(classifier, others, _EVALUATION_BATCH))

    return _classify(drawn, train, validation, _L2_SUMS, fit_rows)


def _from_scratch(drawn: DrawnTexts, min_steps: int) -> Answer:
    """Trains slice and head together, from random weights.

    On images as they are, not enlarged: nothing has to pass filters that are
    frozen. Too slow for a cross-validation: `--l2` is its penalty.
    """
    config = dataclasses.replace(
        drawn.config, weights="random", contrast=1.0, upsample=1
    )
    _start(config)
    train, validation = drawn.images
    extractor = model.build_extractor(config, train.shape[1:])
    extractor.trainable = True
    for layer in extractor.layers[-1].layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # the steps are few
    head = model.build_classifier(
        config, extractor.output.shape[1:], drawn.num_classes
    )
    # Flat, as every layer's name decides its rate.
    network = keras.Model(extractor.input, head(extractor.output))
    train_network(network, config, train, drawn.train.labels, min_steps)
    logits = predict_all(network, validation, _EVALUATION_BATCH)
    return softmax(logits), config.l2


def _start(config: TrainConfig) -> None:
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)


def train_network(
    network: keras.Model,
    config: TrainConfig,
    values: np.ndarray,
    labels: np.ndarray,
    min_steps: int,
) -> None:
    """Trains a network on values in memory, in place.

    A small train set is repeated within an epoch until the training has
    `min_steps` steps, in batches of the whole set at most.

    Args:
        network: Returns logits `(N, K)`.
        config: Settings of the run.
        values: Its inputs, `(N, ...)` float32.
        labels: `(N,)` int.
        min_steps: Steps at least.
    """
    batch_size = min(config.batch_size, len(labels))
    per_epoch = -(-min_steps // config.epochs) * batch_size
    rows = np.tile(np.arange(len(labels)), -(-per_epoch // len(labels)))
    order = sources.Order(len(rows), batch_size, config.seed)
    decay_steps = config.epochs * order.num_steps
    if config.lr_schedule != "cosine":
        decay_steps = 0
    rates = config.learning_rates
    loop.compile_classifier(
        network,
        optimizer.PartwiseAdam(
            {**rates, "": rates["head"]}, decay_steps=decay_steps
        ),
    )
    source = sources.from_inputs(
        Inputs(
            values[rows], labels[rows].astype(np.int32), list(map(str, rows))
        ),
        order,
    )
    train = steps.Steps(network, source)
    fit.run_epochs(
        network,
        source,
        train,
        range(config.epochs),
        [
            callbacks.start_epochs(train, network, config.seed),
            FiniteLoss(train, source, rates="--head_lr", penalties="--l2"),
        ],
    )


# What results depend on besides their settings.
CANDIDATES = {"stacks": _CS, "texts": _TFIDF_CS, "networks": _L2_SUMS}
# Name of a method, in flags and files, to what computes it.
METHODS: dict[str, Callable[[DrawnTexts, int], Answer]] = {
    "image_route": _image_route,
    "random_filters": _random_filters,
    "no_slice": _no_slice,
    "from_scratch": _from_scratch,
    "lr_images": _on_images,
    "lr_stacks": _on_stacks,
    "tfidf": _tfidf,
}
