"""A run that starts from the trained half of another."""

import csv
import dataclasses
import shutil

import keras
import numpy as np
import pytest
import safetensors.numpy

from tfrecords import build
from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig, default_workdir
from trainers.runs import checkpoints, loading, starts
from trainers.training import train, transfer


def _records(tmp_path, tiny_bert, **changes):
    corpus = tmp_path / "new.csv"
    with corpus.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for number in range(30):
            word = ("dull", "love")[number % 2]
            rows.writerow((f"{word} {number}", f"clåss {number % 2}"))
    values = {
        "dataset": str(corpus),
        "records_dir": str(tmp_path / "records"),
        "encoder": tiny_bert,
        "layers": "0-2",
        "max_tokens": 32,
        "tokens_per_batch": 512,
    }
    return RecordsConfig(**{**values, **changes})


class _FirstWeights(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.weights = {v.path: np.array(v) for v in self.model.variables}


@pytest.mark.slow
def test_it_starts_with_the_runs_weights_on_the_runs_map(
    trained, tmp_path, tiny_bert
):
    earlier = trained[2].workdir
    _, images = build.prepare_records(
        _records(tmp_path, tiny_bert), map_of=earlier
    )
    name = "pixel_map.npz"
    assert (images / name).read_bytes() == (earlier / name).read_bytes()
    config = dataclasses.replace(
        loading.read_run(earlier)[0],
        from_run=str(earlier),
        image_records=str(images),
        epochs=1,
    )
    first = _FirstWeights()
    metrics = train.train_and_evaluate(
        config, tmp_path / "run", callbacks=[first]
    )
    weights = safetensors.numpy.load_file(earlier / "model.safetensors")
    assert any(path.startswith("head") for path in first.weights)
    for path, value in first.weights.items():
        if path in weights:
            np.testing.assert_array_equal(value, weights[path])
    assert metrics["start"]["has_same_classes"]
    assert loading.load_run(tmp_path / "run").metrics == metrics
    # The same command reads the run; another start is another run.
    assert train.train_and_evaluate(config, tmp_path / "run") == metrics
    other = dataclasses.replace(config, from_run="")
    with pytest.raises(ValueError, match="sha256 of the weights of --from_run"):
        train.train_and_evaluate(other, tmp_path / "run")


def test_the_name_holds_what_the_start_is_not_where(tmp_path):
    def name(run):
        config = TrainConfig(image_records="a/b/1.0.0", from_run=run)
        return default_workdir(config)

    for folder, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.safetensors").write_bytes(content)
    one, copy, other = (name(str(tmp_path / x)) for x in "abc")
    assert one == copy
    assert len({one, other, name("")}) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "alexnet"}, "--backbone="),
        ({"autoencoder": "paper"}, "--autoencoder="),
        ({"slice_depth": 1}, "--slice_depth=0"),
        ({"upsample": 5}, "--upsample="),
    ],
)
def test_another_network_is_refused(trained, changes, message):
    earlier = trained[2].workdir
    config = dataclasses.replace(
        loading.read_run(earlier)[0], from_run=str(earlier), **changes
    )
    with pytest.raises(ValueError, match=message):
        transfer.check(config, None)


@pytest.mark.slow
def test_other_vectors_are_refused(trained, tmp_path, tiny_bert):
    earlier = trained[2].workdir
    config = dataclasses.replace(
        loading.read_run(earlier)[0], from_run=str(earlier)
    )
    records = _records(tmp_path, tiny_bert)
    transfer.check(config, records)
    for changes, message in (
        ({"encoder": "mini"}, f"Use --encoder={tiny_bert}"),
        ({"pooling": "mean"}, "--pooling=cls"),
    ):
        with pytest.raises(ValueError, match=message):
            transfer.check(config, dataclasses.replace(records, **changes))


def _saved(directory, label_names):
    """Weights of a layer and of a layer of classes, as a finished run."""
    variables = {
        "head_dense0/kernel": keras.Variable(np.arange(6.0).reshape(2, 3)),
        "head_logits/bias": keras.Variable(np.arange(float(len(label_names)))),
    }
    directory.mkdir()
    sha256 = checkpoints.save(directory / "model.safetensors", variables, {})
    return {"model_sha256": sha256, "label_names": label_names}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a", "b", "c"), [0, 1, 2]),
        (("c", "a", "b"), [2, 0, 1]),
        (("a", "b", "d"), [9, 9, 9]),
        (("a", "b"), [9, 9]),
    ],
)
def test_classes_are_found_by_name(tmp_path, names, expected):
    metrics = _saved(tmp_path / "run", ["a", "b", "c"])
    variables = {
        "head_dense0/kernel": keras.Variable(np.zeros((2, 3))),
        "head_logits/bias": keras.Variable(np.full(len(names), 9.0)),
    }
    starts.copy(tmp_path / "run", metrics, variables, ("head_logits",), names)
    kernel, bias = variables.values()
    np.testing.assert_array_equal(kernel, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(bias, expected)
    variables["head_dense0/kernel"] = keras.Variable(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="does not fit this network"):
        starts.copy(tmp_path / "run", metrics, variables, (), names)


def test_a_damaged_start_is_refused(tmp_path):
    metrics = _saved(tmp_path / "run", ["a"])
    shutil.copy(__file__, tmp_path / "run" / "model.safetensors")
    with pytest.raises(ValueError, match="must have the sha256"):
        starts.copy(tmp_path / "run", metrics, {}, (), ("a",))
