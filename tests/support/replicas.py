"""Trains a small model by one device and by three, in one process.

Run as a program, with `norms` or `plain` (without batch norm): logical devices
must be there before TensorFlow starts. Writes the largest difference of each
variable and figure as JSON.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np

from tfrecords import process
from tfrecords.devices import DeviceOptions
from trainers.distribution.options import DistributionOptions

_SHAPE = (3, 3, 2)


def main():
    process.prepare()
    process.import_tensorflow(_start)
    from trainers.distribution import workers

    norms = sys.argv[1] == "norms"
    one = _train(workers.SINGLE, norms)
    three = _train(workers.current(), norms)
    differences = {
        name: float(np.abs(one[name] - three[name]).max()) for name in one
    }
    sys.stdout.write(json.dumps(differences))


def _start():
    from trainers.distribution import workers

    workers.start(
        DistributionOptions(distribution="mirrored", replicas=3),
        DeviceOptions(device="cpu"),
    )


def _train(workers, norms):
    """Returns variables and history of two epochs."""
    import keras

    from trainers.network import autoencoder, head, optimizer
    from trainers.runs import checkpoints
    from trainers.training import fit, loop, parallel_steps, sources
    from trainers.training.inputs import Inputs, empty

    loop.make_deterministic()
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    maps = code = keras.Input(_SHAPE)
    if norms:
        code = autoencoder.build_symmetric_autoencoder(
            maps, bottleneck=2, reconstruction_weight=0.1
        )
    logits = head.build_head(
        code,
        2,
        hidden_units=(4,),
        dropout=0.5,
        dropout_before=(0, 1),
        l2=0.01,
        shortcut=True,
    )
    model = keras.Model(maps, logits)
    loop.compile_classifier(
        model, optimizer.PartwiseAdam({"head": 1e-2, "autoencoder": 1e-2})
    )
    # Unequal parts; without norms the last batch has two examples for three.
    num_examples = 24 if norms else 22
    values = empty((num_examples, *_SHAPE))
    values[:] = np.random.default_rng(0).normal(size=values.shape)
    labels = (values.mean(axis=(1, 2, 3)) > 0).astype(np.int32)
    ids = [str(index) for index in range(num_examples)]
    batch_size = 10 if norms else 5
    saved = checkpoints.variables(model, model.optimizer)
    with tempfile.TemporaryDirectory() as directory:
        history = fit.fit(
            model,
            parallel_steps.divide(
                Inputs(values, labels, ids),
                sources.Order(num_examples, batch_size, seed=7),
                workers,
            ),
            fit.Schedule(
                epochs=2,
                seed=0,
                rates="--rate",
                unit="text",
                class_weight=(0.5, 3.0),
            ),
            workdir=pathlib.Path(directory),
            saved=saved,
            validate=lambda: {"loss": 0.0, "accuracy": 0.0},
            workers=workers,
        )
    result = {name: np.array(value) for name, value in saved.items()}
    return result | {
        "history": np.array([list(row.values()) for row in history])
    }


if __name__ == "__main__":
    main()
