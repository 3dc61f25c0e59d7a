"""`python -m trainers.im2vec`, as a user types it."""

import csv
import functools
import json

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector import projector_config_pb2

from tests.support import commands
from trainers.config import TrainConfig
from trainers.im2vec import experiment
from trainers.im2vec.config import Im2VecConfig
from trainers.training import train

command = functools.partial(commands.run, "trainers.im2vec")


def quick(dataset, **changes):
    values = {
        "dataset": str(dataset),
        "epochs": 4,
        "learning_rate": 0.05,
        "num_seeds": 1,
        "permutations": 99,
    }
    return Im2VecConfig(**{**values, **changes})


def test_images_to_report_and_the_second_run_reuses_everything(
    make_tfds, tmp_path
):
    flags = (
        f"--dataset={make_tfds()}",
        "--epochs=4",
        "--num_seeds=2",
        "--workdir=my run",
    )
    first = command(*flags, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "images: making" in first.stderr
    workdir = tmp_path / "my run"
    report = (workdir / "report.md").read_text()
    for picture in ("vectors", "truth", "confusion", "curves"):
        assert f"]({picture}.png)" in report
        assert (workdir / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((workdir / "metrics.json").read_text())
    assert [row["name"] for row in metrics["networks"]] == ["seed 0", "seed 1"]
    for kind in ("trained", "start", "random"):
        assert 0 <= metrics["stability"][kind]["procrustes"] <= 1

    rows = list(csv.reader((workdir / "vectors.csv").open()))
    assert [row[0] for row in rows] == ["class", "ant", "bee", "cow", "dog"]
    projector = workdir / "projector"
    table = np.loadtxt(projector / "vectors.tsv", delimiter="\t")
    np.testing.assert_array_equal(
        table, np.array([row[1:] for row in rows[1:]], float)
    )
    assert (projector / "metadata.tsv").read_text().split() == [
        row[0] for row in rows[1:]
    ]
    described = text_format.Parse(
        (projector / "projector_config.pbtxt").read_text(),
        projector_config_pb2.ProjectorConfig(),
    ).embeddings[0]
    for path in (described.tensor_path, described.metadata_path):
        assert (projector / path).is_file()
    assert (projector / described.sprite.image_path).is_file()
    points = next(csv.reader((workdir / "points.csv").open()))
    assert "pca_normalized_x" in points
    assert "svd_y" in points

    second = command(*flags, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "class vectors: reusing" in second.stderr
    assert "making" not in second.stderr

    refused = command(*flags, "--epochs=5", cwd=tmp_path)
    assert refused.returncode == 1
    assert "epochs: 4 there, 5 here" in refused.stderr
    assert "Traceback" not in refused.stderr
    ignored = command(*flags, "--ridge=0.1", cwd=tmp_path)
    assert "--ridge would have no effect" in ignored.stderr


def test_another_inverse_trains_nothing_again(make_tfds, tmp_path):
    dataset = make_tfds()
    workdir = tmp_path / "run"
    first = experiment.run(quick(dataset), workdir)
    kept = (workdir / "seed0" / "checkpoint.safetensors").stat().st_mtime_ns
    second = experiment.run(
        quick(dataset, inverse="ridge", ridge=0.01), workdir
    )
    assert (
        workdir / "seed0" / "checkpoint.safetensors"
    ).stat().st_mtime_ns == kept
    assert second["networks"] == first["networks"]
    assert second["truth"] != first["truth"]
    assert "ridge 0.01" in (workdir / "report.md").read_text()


def test_hidden_units_need_not_equal_the_classes(make_tfds, tmp_path):
    dataset = make_tfds()
    for hidden in (2, 9):
        metrics = experiment.run(
            quick(dataset, hidden=hidden), tmp_path / f"{hidden}"
        )
        assert metrics["networks"][0]["shape"] == [4, hidden]
    with pytest.raises(ValueError, match="--inverse=pinv"):
        experiment.run(
            quick(dataset, hidden=9, inverse="inverse"), tmp_path / "9"
        )


def test_two_classes_of_own_records_have_vectors_but_no_test(
    make_image_records, tmp_path
):
    metrics = experiment.run(quick(make_image_records()), tmp_path / "run")
    assert metrics["class_names"] == ["neg", "pos"]
    assert {
        test["rho"] for row in metrics["truth"] for test in row["tests"]
    } == {None}
    assert "Not defined" in (tmp_path / "run" / "report.md").read_text()


def test_singular_w2_is_an_error_that_names_the_cure(make_tfds, tmp_path):
    # So strong a decay shrinks all but nothing of the weights.
    config = quick(
        make_tfds(),
        learning_rate=0.5,
        weight_decay=1.0,
        momentum=0.0,
        epochs=400,
        milestones="",
        classes="ant,bee,cow",
    )
    with pytest.raises(ValueError, match=r"singular.*--inverse=pinv"):
        experiment.run(config, tmp_path / "run")


def test_vectors_of_a_frozen_backbone_classifier_are_of_its_last_layer(
    make_image_records, tmp_path
):
    names = ("red", "green", "blue")
    records = make_image_records(label_names=names)
    workdirs = []
    for seed in (0, 1):
        workdirs.append(tmp_path / f"run{seed}")
        train.train_and_evaluate(
            TrainConfig(
                backbone="vgg16",
                weights="random",
                epochs=1,
                batch_size=8,
                bottleneck=4,
                seed=seed,
                image_records=str(records),
            ),
            workdirs[-1],
        )
    config = Im2VecConfig(
        classifier=",".join(map(str, workdirs)), permutations=99
    )
    metrics = experiment.run(config, tmp_path / "vectors")
    assert metrics["class_names"] == list(names)
    assert [row["shape"] for row in metrics["networks"]] == [[3, 32]] * 2
    from trainers import load

    kernel = load(workdirs[0]).get_layer("classifier").get_layer("head_logits")
    expected = np.linalg.pinv(np.array(kernel.kernel, float).T).T
    rows = list(csv.reader((tmp_path / "vectors" / "vectors.csv").open()))
    np.testing.assert_allclose(
        np.array([row[1:] for row in rows[1:]], float), expected, atol=1e-6
    )
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        experiment.run(Im2VecConfig(classifier=str(records)), tmp_path / "none")
