"""What the bytes of an export are compared by."""

import keras
import tensorflow as tf


def files_of(directory, without=()):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not set(without) & set(path.parts)
    }


def do_other_work():
    """Moves the counters of TensorFlow and Keras."""
    layers = [keras.layers.Dense(3), keras.layers.Dropout(0.5)]
    model = keras.Sequential(layers)
    tf.function(lambda x: tf.map_fn(model, x))(tf.zeros((2, 2, 2)))
