"""Rows of a file, and the order of an epoch."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.training import inputs, sources


def test_rows_of_a_file_are_copies_and_leave_no_mapping(tmp_path, rng):
    path = tmp_path / "rows.npy"
    array = rng.normal(size=(20, 3, 4)).astype(np.float32)
    np.save(path, array)
    rows = inputs.RowFile(path)
    assert (len(rows), rows.shape) == (20, (20, 3, 4))
    read = [rows[4:9], rows[np.array([7, 0, 7])]]
    mappings = pathlib.Path("/proc/self/maps")
    if mappings.exists():  # Linux
        assert str(path) not in mappings.read_text()
    path.write_bytes(bytes(path.stat().st_size))
    np.testing.assert_array_equal(read[0], array[4:9])
    np.testing.assert_array_equal(read[1], array[[7, 0, 7]])


@pytest.mark.parametrize("num_train", [24, 25])
def test_an_epoch_draws_every_example_once(num_train):
    for epoch in range(3):
        batches = list(inputs.epoch_batches(num_train, 8, seed=0, epoch=epoch))
        rows = np.concatenate(batches)
        assert len(set(rows.tolist())) == len(rows)
        # A last batch of one cannot be normalised: it sits out one epoch.
        assert len(rows) == 24
        assert inputs.count_batches(num_train, 8) == len(batches) == 3


def test_the_order_of_an_epoch_depends_on_seed_and_epoch():
    def order(seed, epoch):
        batches = inputs.epoch_batches(100, 8, seed=seed, epoch=epoch)
        return np.concatenate(list(batches)).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_files_that_continue_one_another_are_read_as_one(tmp_path, rng):
    values = rng.normal(size=(11, 2, 3)).astype(np.float32)
    paths = []
    # A process without records leaves an empty share.
    for start, stop in ((0, 4), (4, 4), (4, 5), (5, 11)):
        paths.append(tmp_path / f"{len(paths)}.npy")
        np.save(paths[-1], values[start:stop])
    rows = inputs.RowFile(*paths)
    assert (rows.shape, len(rows), rows.dtype) == (values.shape, 11, "float32")
    for wanted in (slice(None), slice(3, 9), np.array([10, 0, 4, 5, 3, 4])):
        np.testing.assert_array_equal(rows[wanted], values[wanted])


def test_predictions_are_the_same_wherever_the_rows_lie(tmp_path, rng):
    values = rng.normal(size=(11, 4)).astype(np.float32)
    np.save(tmp_path / "rows.npy", values)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    expected = values @ np.array(model.weights[0])
    places = (
        values,
        inputs.RowFile(tmp_path / "rows.npy"),
        sources.on_device(values),
    )
    assert isinstance(places[2], tf.Tensor)
    first, *others = (inputs.predict_all(model, rows, 4) for rows in places)
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-6)
    for other in others:
        np.testing.assert_array_equal(other, first)
