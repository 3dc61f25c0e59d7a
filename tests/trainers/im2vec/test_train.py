"""The compiled training against numpy, and its resumption."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

from trainers.experiments import similarity_tests
from trainers.im2vec import (
    callbacks,
    class_vectors,
    image_store,
)
from trainers.im2vec import train as im2vec_train
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.train import build, source_of, train
from trainers.runs import checkpoints
from trainers.training.metrics import evaluate


def settings(**changes):
    values = {
        "dataset": "made",
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 0.05,
        "milestones": "2",
        "num_seeds": 1,
    }
    return Im2VecConfig(**{**values, **changes})


@pytest.fixture
def small(rng, make_images):
    """Twenty images of three classes; the last batch is half full."""
    return make_images(
        rng.integers(0, 256, (20, 12), dtype=np.uint8),
        np.arange(20) % 3,
        (2, 2, 3),
    )


def run(config, images, workdir, seed=0):
    return train(config, images, image_store.measure(images), seed, workdir)


def numpy_epoch(config, images, weights, velocity, epoch, seed):
    """SGD by hand: W1, b1, W2, b2 in float64."""
    statistics = image_store.measure(images)
    x = np.asarray(images.train.pixels, float).reshape(-1, 3) / 255
    x = (x - statistics.channel_mean) / statistics.channel_std
    x = x.reshape(len(images.train.labels), -1)
    one_hot = np.eye(3)[images.train.labels]
    order = np.random.default_rng([seed, epoch]).permutation(len(x))
    total = 0.0
    for start in range(0, len(x), config.batch_size):
        rows = order[start : start + config.batch_size]
        w1, b1, w2, b2 = weights
        hidden = x[rows] @ w1.T + b1
        logits = hidden @ w2.T + b2
        p = softmax(logits, axis=1)
        if config.double_softmax:
            q = softmax(p, axis=1)
            total -= np.log((q * one_hot[rows]).sum(axis=1)).sum()
            outer = q - one_hot[rows]
            delta = p * (outer - (outer * p).sum(axis=1, keepdims=True))
        else:
            total -= np.log((p * one_hot[rows]).sum(axis=1)).sum()
            delta = p - one_hot[rows]
        delta /= len(rows)
        back = delta @ w2
        gradients = (
            back.T @ x[rows],
            back.sum(axis=0),
            delta.T @ hidden,
            delta.sum(axis=0),
        )
        for index, gradient in enumerate(gradients):
            decayed = gradient + config.weight_decay * weights[index]
            velocity[index] = (
                config.momentum * velocity[index]
                - config.learning_rate_of(epoch) * decayed
            )
            weights[index] = weights[index] + velocity[index]
    return total / len(x)


@pytest.mark.slow
@pytest.mark.parametrize("double_softmax", [False, True])
def test_training_is_sgd_as_numpy_computes_it(small, tmp_path, double_softmax):
    config = settings(
        double_softmax=double_softmax, weight_decay=0.1, momentum=0.5
    )
    model = build(config, small, image_store.measure(small), 0)
    weights = [np.array(w, float) for w in model.trainable_variables]
    velocity = [np.zeros_like(w) for w in weights]
    losses = [
        numpy_epoch(config, small, weights, velocity, epoch, 0)
        for epoch in range(3)
    ]
    trained = run(config, small, tmp_path)
    np.testing.assert_allclose(trained.weights, weights[2], atol=1e-6)
    np.testing.assert_allclose(
        [row["train_loss"] for row in trained.history], losses, rtol=1e-5
    )


def test_an_epoch_sees_every_image_once_and_orders_differ(small):
    orders = []
    for epoch in range(2):
        source = source_of(small.train, 8, 0)
        rows = np.concatenate(list(source.dataset(epoch, epoch + 1)))
        pixels = np.asarray(small.train.pixels)[rows]
        assert sorted(map(bytes, pixels)) == sorted(
            map(bytes, np.asarray(small.train.pixels))
        )
        orders.append(list(map(bytes, pixels)))
    assert orders[0] != orders[1]


def test_a_last_batch_of_one_image_is_trained_on(small):
    source = source_of(small.train, 19, 0)
    assert [len(rows) for rows in source.dataset(0, 1)] == [19, 1]


def test_callbacks_of_the_caller_are_called(small, tmp_path):
    seen = []
    train(
        settings(),
        small,
        image_store.measure(small),
        0,
        tmp_path,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append(epoch)
            )
        ],
    )
    assert seen == [0, 1, 2]


def test_a_callback_stops_a_training_for_good(small, tmp_path):
    stop = keras.callbacks.EarlyStopping(
        "cross_entropy", min_delta=100.0, patience=1, mode="min"
    )
    statistics = image_store.measure(small)
    first = train(
        settings(epochs=9), small, statistics, 0, tmp_path, callbacks=[stop]
    )
    assert len(first.history) == 2
    again = train(settings(epochs=9), small, statistics, 0, tmp_path)
    assert again.history == first.history
    np.testing.assert_array_equal(again.weights, first.weights)


@pytest.mark.slow
def test_pixels_that_do_not_fit_are_read_and_give_the_same(
    small, tmp_path, monkeypatch
):
    whole = run(settings(), small, tmp_path / "whole")
    monkeypatch.setattr(im2vec_train, "_RESIDENT_BYTES", 1)
    read = run(settings(), small, tmp_path / "read")
    np.testing.assert_array_equal(read.weights, whole.weights)


@pytest.mark.slow
def test_resumed_training_ends_with_the_bytes_of_an_uninterrupted_one(
    small, tmp_path, monkeypatch
):
    # Otherwise saved every five seconds.
    monkeypatch.setattr(callbacks, "_CHECKPOINT_SECONDS", 0.0)
    config = settings(epochs=4, depth=3, augment=True)
    whole = run(config, small, tmp_path / "whole")

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            config,
            small,
            image_store.measure(small),
            0,
            tmp_path / "parts",
            callbacks=[Interrupt()],
        )
    parts = run(config, small, tmp_path / "parts")
    assert parts.history[2:] == whole.history[2:]
    name = "checkpoint.safetensors"
    assert (tmp_path / "parts" / name).stat().st_size
    np.testing.assert_array_equal(parts.weights, whole.weights)
    again = run(config, small, tmp_path / "whole")
    np.testing.assert_array_equal(again.weights, whole.weights)
    assert again.metrics == whole.metrics


def test_test_figures_are_those_of_the_whole_split(small, tmp_path):
    config = settings()
    trained = run(config, small, tmp_path)
    model = build(config, small, image_store.measure(small), 0)
    optimizer = keras.optimizers.SGD(0.1, momentum=config.momentum)
    optimizer.build(model.trainable_variables)
    checkpoints.load(
        tmp_path / "checkpoint.safetensors",
        checkpoints.variables(model, optimizer),
    )
    logits = np.asarray(model(np.asarray(small.test.pixels)))
    expected = evaluate(logits, np.asarray(small.test.labels))
    for name in ("accuracy", "loss"):
        assert trained.metrics[name] == pytest.approx(expected[name], rel=1e-6)
    assert trained.metrics["confusion_matrix"] == expected["confusion_matrix"]


def test_orthogonal_templates_give_class_vectors_at_equal_distances(
    make_images, tmp_path
):
    """The answer is known: all pairs of classes are equally far apart.

    Class k sets its own two pixels of eight. No two pairs of classes differ,
    so at the optimum of the penalised loss, which is
    unique up to a rotation of the hidden layer, the vectors are the corners
    of a regular simplex, and by the package's docstring V V^T is the inverse
    root of M M^T.
    """
    pixels = np.repeat(np.eye(4, dtype=np.float32), 2, axis=1)
    images = make_images(pixels, range(4), (2, 4, 1))
    config = settings(
        epochs=500,
        batch_size=4,
        learning_rate=1.0,
        momentum=0.9,
        weight_decay=0.01,
        milestones="",
        normalization="none",
    )
    trained = run(config, images, tmp_path)
    assert trained.metrics["accuracy"] == 1
    vectors = class_vectors.class_vectors(trained.weights, "centred")
    after = similarity_tests.distances(vectors)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(after, after.mean(), rtol=1e-3)
    # Untrained, they are not.
    start = class_vectors.class_vectors(trained.start, "centred")
    before = similarity_tests.distances(start)[np.triu_indices(4, 1)]
    assert before.std() > 0.1 * before.mean()


def test_a_loss_that_is_not_finite_stops_the_run(small, tmp_path):
    with pytest.raises(FloatingPointError, match="--learning_rate"):
        run(settings(learning_rate=1000.0, epochs=20), small, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": ""}, "--dataset must name images"),
        ({"classes": "a,b", "superclass": "c"}, "together"),
        ({"milestones": "100;200"}, "--milestones must be whole numbers"),
        ({"learning_rate": 0.0}, "--learning_rate must be a number in"),
        ({"momentum": 1.0}, r"--momentum must be a number in \[0, 1\)"),
        ({"inverse": "svd"}, "--inverse must be one of"),
        ({"epochs": 0}, "--epochs must be a whole number in"),
    ],
)
def test_settings_no_run_could_use_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)


def test_learning_rate_falls_at_the_milestones():
    config = settings(milestones="100,200", learning_rate=1.0)
    rates = [config.learning_rate_of(epoch) for epoch in (0, 99, 100, 200)]
    assert rates == pytest.approx([1, 1, 0.1, 0.01])


def test_published_normalization_is_for_rgb_bytes_alone(
    rng, make_images, tmp_path
):
    grey = make_images(rng.random((4, 4), np.float32), range(4), (2, 2, 1))
    with pytest.raises(ValueError, match="RGB images of uint8"):
        run(settings(normalization="published"), grey, tmp_path)
