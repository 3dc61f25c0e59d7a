"""The loop that all trainers share: what it asks, sends, traces and saves."""

import gc
import pathlib
import weakref

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from trainers.network import optimizer
from trainers.runs import checkpoints
from trainers.training import fit, loop, sources, steps
from trainers.training.inputs import Inputs, RowFile, empty, share

_SHAPE = (3, 3, 2)


def _inputs(num_examples: int, path: pathlib.Path | None = None) -> Inputs:
    rng = np.random.default_rng(0)
    values = empty((num_examples, *_SHAPE))
    values[:] = rng.normal(size=values.shape)
    labels = (values.mean(axis=(1, 2, 3)) > 0).astype(np.int32)
    ids = [f"text-{index}" for index in range(num_examples)]
    if path is not None:
        np.save(path, values)
        return Inputs(RowFile(path), labels, ids)
    return Inputs(values, labels, ids)


def _source(inputs: Inputs, batch_size: int = 4) -> sources.Source:
    order = sources.Order(len(inputs.labels), batch_size, seed=7)
    return sources.from_inputs(inputs, order)


def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    maps = keras.Input(_SHAPE)
    x = keras.layers.Flatten()(maps)
    x = keras.layers.Dropout(0.5, seed=3, name="head_dropout")(x)
    x = keras.layers.Dense(2, name="head_logits")(x)
    model = keras.Model(maps, x)
    loop.compile_classifier(model, optimizer.PartwiseAdam({"head": 1e-2}))
    return model


def _fit(model, source, workdir, epochs=2, callbacks=(), **settings):
    workdir.mkdir(exist_ok=True)
    return fit.fit(
        model,
        source,
        fit.Schedule(
            epochs=epochs, seed=0, rates="--rate", unit="text", **settings
        ),
        workdir=workdir,
        saved=checkpoints.variables(model, model.optimizer),
        validate=lambda: {"loss": 0.0, "accuracy": 0.0},
        user_callbacks=callbacks,
    )


def _weights(model: keras.Model) -> bytes:
    return b"".join(np.asarray(value).tobytes() for value in model.variables)


def test_a_step_is_traced_once_whatever_the_batches_and_epochs(tmp_path):
    model, traces = _model(), []
    call = model.call

    def counted(*args, **kwargs):
        traces.append(1)
        return call(*args, **kwargs)

    model.call = counted
    # 4 batches of four and one of two; executions of several lengths.
    _fit(model, _source(_inputs(18)), tmp_path / "run", epochs=3, every=2)
    assert len(traces) == 1


class _Count(keras.callbacks.Callback):
    """Counts executions."""

    def __init__(self) -> None:
        super().__init__()
        self.executions = 0

    def on_train_batch_end(self, batch, logs=None):
        self.executions += 1


def test_the_host_waits_once_per_execution_not_per_step(tmp_path, monkeypatch):
    waits = []
    numpy = type(tf.constant(0)).numpy

    def counted(tensor):
        waits.append(tuple(tensor.shape))
        return numpy(tensor)

    count = _Count()
    source = _source(_inputs(200))
    assert source.num_steps == 50
    monkeypatch.setattr(type(tf.constant(0)), "numpy", counted)
    _fit(_model(), source, tmp_path / "run", epochs=3, callbacks=[count])
    # The first three or two compile and time a step.
    width = len(steps.FIGURES)
    figures = [shape[0] for shape in waits if shape[1:] == (width,)]
    timed = figures[: len(figures) - count.executions]
    assert timed in ([1, 1, 10], [1, 1])
    assert sum(figures[len(timed) :]) == 3 * source.num_steps
    # Far fewer, unless a step of this tiny model takes a second.
    assert count.executions < 3 * source.num_steps / 2


def test_an_element_of_a_resident_source_is_row_numbers_alone():
    source = _source(_inputs(10))
    (spec,) = tf.nest.flatten(source.dataset(0, 1).element_spec)
    assert (spec.dtype, spec.shape.rank) == (tf.int32, 1)


def test_an_array_and_its_tensor_share_their_memory():
    inputs = _inputs(10)
    tensor = share(inputs.values)
    assert np.shares_memory(np.asarray(tensor), inputs.values)
    # Not aligned: copied.
    other = inputs.values[1:]
    np.testing.assert_array_equal(share(other), other)


def test_memory_and_file_give_the_batches_of_the_order(tmp_path):
    memory, file = _inputs(10), _inputs(10, tmp_path / "rows.npy")
    for inputs in (memory, file):
        source = _source(inputs)
        elements = list(source.dataset(1, 3))
        # The last batch of 10 holds two.
        assert len(elements) == 2 * source.num_steps == 6
        for index, element in enumerate(elements):
            epoch, step = divmod(index, 3)
            rows = np.random.default_rng([7, 1 + epoch]).permutation(10)
            rows = np.sort(rows[4 * step : 4 * step + 4])
            values, labels = source.take(source.tensors, element)
            np.testing.assert_array_equal(values, memory.values[rows])
            np.testing.assert_array_equal(labels, memory.labels[rows])
            ids = source.ids(1 + epoch, step)
            assert ids == [memory.ids[row] for row in rows]


def test_a_finished_training_frees_its_examples(tmp_path):
    """TensorFlow keeps the graph of a loop, and what it captures, forever."""
    model, source = _model(), _source(_inputs(18))
    values = weakref.ref(source.values)
    _fit(model, source, tmp_path / "run")
    del source
    gc.collect()
    assert values() is None


def test_the_number_of_steps_per_execution_changes_no_byte(tmp_path):
    weights = []
    for every in (0, 1, 3):
        model = _model()
        _fit(model, _source(_inputs(18)), tmp_path / f"{every}", every=every)
        weights.append(_weights(model))
    assert len(set(weights)) == 1


def test_timing_the_steps_leaves_the_model_as_it_was():
    model = _model()
    source = _source(_inputs(18))
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    train = steps.Steps(model, source, jit_compile=False)
    assert steps.steps_per_second(train.run, source, variables) > 0
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("class_weight", [(), (0.5, 3.0)])
def test_steps_do_what_train_on_batch_does(tmp_path, class_weight):
    """Against Keras's own steps, on the same batches and dropout."""
    inputs = _inputs(18)
    model, other = _model(), _model()
    source = _source(inputs)
    _fit(model, source, tmp_path / "run", class_weight=class_weight)
    order = sources.Order(18, 4, seed=7)
    for epoch in range(2):
        loop.seed_dropout(other, 0, epoch)
        for step in range(order.num_steps):
            rows = order.rows(epoch, step)
            other.train_on_batch(
                inputs.values[rows],
                inputs.labels[rows],
                class_weight=dict(enumerate(class_weight)) or None,
            )
    for one, two in zip(model.variables, other.variables, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def test_the_step_that_spoils_the_loss_is_named(tmp_path):
    inputs = _inputs(18)
    inputs.values[11] = np.nan
    order = sources.Order(18, 4, seed=7)
    (step,) = (
        step for step in range(order.num_steps) if 11 in order.rows(0, step)
    )
    with pytest.raises(
        FloatingPointError, match=rf"epoch 1, step {step + 1}, .*text-11.*"
    ):
        _fit(_model(), _source(inputs), tmp_path / "run")


class _Spoil(keras.callbacks.Callback):
    """Makes a weight infinite after the last step of the second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 2 * 5:
            bias = self.model.trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.inf))


def test_a_last_step_that_spoils_the_weights_is_not_saved(tmp_path):
    source, run = _source(_inputs(18)), tmp_path / "run"
    with pytest.raises(
        FloatingPointError, match=r"bias is not finite .*epoch 2.*--rate"
    ):
        _fit(_model(), source, run, epochs=3, callbacks=[_Spoil()])
    kept = safetensors.numpy.load_file(run / "checkpoint.safetensors")
    assert all(np.isfinite(array).all() for array in kept.values())
    # Without what spoiled it, it resumes after the first epoch.
    assert len(_fit(_model(), source, run, epochs=3)) == 3


def _deep_model(rate, penalty=None):
    keras.utils.set_random_seed(0)
    maps = keras.Input(_SHAPE)
    x = keras.layers.Flatten()(maps)
    for index in range(3):
        x = keras.layers.Dense(
            4, kernel_regularizer=penalty, name=f"head_dense{index}"
        )(x)
    model = keras.Model(maps, keras.layers.Dense(2, name="head_logits")(x))
    loop.compile_classifier(model, optimizer.PartwiseAdam({"head": rate}))
    return model


@pytest.mark.parametrize(
    ("rate", "penalty", "cause"),
    [
        (1e20, None, "epoch 1, step .* likely cause .* learning rate: lower -"),
        (1.0, keras.regularizers.L2(1e38), "Only the penalty .* lower --l2 or"),
    ],
)
def test_a_training_that_diverges_stops_with_its_likely_cause(
    tmp_path, rate, penalty, cause
):
    source = _source(_inputs(18))
    errors = []
    for _ in range(2):  # run again, it stops at the same step
        with pytest.raises(FloatingPointError, match=cause) as error:
            _fit(_deep_model(rate, penalty), source, tmp_path / "run")
        errors.append(str(error.value))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        ((10, 4), [4, 4, 2]),
        ((8, 4), [4, 4]),
        ((10, 4, 5), [4, 1, 4, 1]),
        ((10, 100, 3), [3, 3, 3, 1]),
        ((3, 1), [1, 1, 1]),
    ],
)
def test_executions_of_an_epoch(arguments, sizes):
    assert steps.plan(*arguments) == sizes


def test_the_largest_seed_has_a_dropout_of_its_own():
    model = _model()
    (dropout,) = (layer for layer in model.layers if "dropout" in layer.name)
    states = []
    for seed in (0, 2**32 - 1):
        loop.seed_dropout(model, seed, epoch=1)
        states.append(dropout.seed_generator.state.numpy().tolist())
    assert states == [[3, 1], [2**32 - 1000 + 3, 1]]
