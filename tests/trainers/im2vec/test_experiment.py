"""`python -m trainers.im2vec`, as a user types it."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
import safetensors.numpy
import scipy.spatial
from google.protobuf import text_format
from tensorboard.plugins.projector import projector_config_pb2

from tests.support import commands
from tests.support.damages import damage
from trainers import load
from trainers.config import TrainConfig
from trainers.im2vec import __main__ as command
from trainers.im2vec import experiment
from trainers.im2vec.config import Im2VecConfig
from trainers.training import train

pytestmark = pytest.mark.slow


def quick(dataset, **changes):
    values = {
        "dataset": str(dataset),
        "epochs": 4,
        "learning_rate": 0.05,
        "num_seeds": 1,
        "permutations": 99,
    }
    return Im2VecConfig(**{**values, **changes})


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def read_kernel(workdir, seed):
    """W2 of a network, in float64."""
    path = workdir / f"seed{seed}" / "checkpoint.safetensors"
    return safetensors.numpy.load_file(path)["logits/kernel"].astype(float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inverse": "inverse", "hidden": 9}, "9 hidden units and 2 classes"),
        ({"normalization": "published"}, "is for RGB images of uint8"),
    ],
)
def test_what_does_not_suit_the_images_is_refused_before_they_are_decoded(
    make_image_records, tmp_path, changes, message
):
    dataset = make_image_records()
    with pytest.raises(ValueError, match=message):
        experiment.run(quick(dataset, **changes), tmp_path / "run")
    assert not list(tmp_path.glob("run/images/index*"))
    assert not list(tmp_path.glob("run/seed*"))


def test_images_become_a_report_vectors_and_a_projector(make_tfds, tmp_path):
    done = commands.run(
        "trainers.im2vec",
        f"--dataset={make_tfds()}",
        "--epochs=4",
        "--num_seeds=1",
        "--workdir=my run",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "images: making" in done.stderr
    workdir = tmp_path / "my run"
    report = (workdir / "report.md").read_text()
    for figure in ("vectors", "truth", "samples", "confusion", "curves"):
        assert f"]({figure}.png)" in report
        assert (workdir / f"{figure}.png").read_bytes().startswith(b"\x89PNG")

    assert "after epoch" not in report  # the milestones are beyond the last
    assert "Of all 3 quadruples of the classes" in report
    rows = read_rows(workdir / "vectors.csv")
    assert [row[0] for row in rows] == ["class", "ant", "bee", "cow", "dog"]
    projector = workdir / "projector"
    table = np.loadtxt(projector / "vectors.tsv", delimiter="\t")
    np.testing.assert_array_equal(
        table, np.array([row[1:] for row in rows[1:]], float)
    )
    assert (projector / "metadata.tsv").read_text().split() == [
        row[0] for row in rows[1:]
    ]
    embedding = text_format.Parse(
        (projector / "projector_config.pbtxt").read_text(),
        projector_config_pb2.ProjectorConfig(),
    ).embeddings[0]
    for path in (embedding.tensor_path, embedding.metadata_path):
        assert (projector / path).is_file()
    assert (projector / embedding.sprite.image_path).is_file()
    header = read_rows(workdir / "points.csv")[0]
    assert "pca_normalized_x" in header
    assert "svd_y" in header


def test_a_finished_run_is_reused_and_other_settings_are_refused(
    make_tfds, tmp_path, caplog, capfd
):
    caplog.set_level("INFO")
    flags = (
        f"--dataset={make_tfds()}",
        "--epochs=2",
        "--num_seeds=1",
        f"--workdir={tmp_path / 'run'}",
    )
    assert commands.exit_code(command.main, flags) == 0
    assert "images: making" in caplog.text
    written = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "run").rglob("*")
        if path.is_file()
    }
    caplog.clear()
    assert commands.exit_code(command.main, flags) == 0
    assert "class vectors: reusing" in caplog.text
    assert "making" not in caplog.text
    assert written == {path: path.stat().st_mtime_ns for path in written}

    assert commands.exit_code(command.main, (*flags, "--epochs=5")) == 1
    assert "epochs: 2 there, 5 here" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--dataset must name images"),
        (("--dataset=a", "--ridge=0.1"), "--ridge would have no effect"),
        (("--classifier=a", "--epochs=3"), "--epochs would have no effect"),
        (("--dataset=.", "--download"), "--download would have no effect"),
        (("--classifier=a", "--image_key=b"), "--image_key would have no"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_made(
    tmp_path, monkeypatch, capfd, flags, message
):
    monkeypatch.chdir(tmp_path)
    assert commands.exit_code(command.main, flags) == 1
    assert message in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_finished_directory_holds_no_lock(make_tfds, tmp_path):
    config = quick(make_tfds(), inverse="inverse", hidden=5, epochs=1)
    workdir = tmp_path / "run"
    with pytest.raises(ValueError, match="--inverse=pinv"):
        experiment.run(config, workdir)
    assert not (workdir / ".lock").exists()
    config = quick(config.dataset, inverse="pinv", hidden=5, epochs=1)
    for _ in "making", "reusing":
        experiment.run(config, workdir)
        assert (workdir / "metrics.json").is_file()
        assert not (workdir / ".lock").exists()
    with pytest.raises(ValueError, match="epochs: 1 there, 2 here"):
        experiment.run(dataclasses.replace(config, epochs=2), workdir)
    assert (workdir / "metrics.json").is_file()
    assert not (workdir / ".lock").exists()


def test_stability_compares_the_vectors_of_two_seeds(make_tfds, tmp_path):
    metrics = experiment.run(quick(make_tfds(), num_seeds=2), tmp_path)
    assert [row["name"] for row in metrics["networks"]] == ["seed 0", "seed 1"]
    first, second = (
        np.linalg.inv(read_kernel(tmp_path, seed)).T for seed in (0, 1)
    )
    assert metrics["stability"]["trained"]["procrustes"] == pytest.approx(
        scipy.spatial.procrustes(first, second)[2]
    )


def test_another_inverse_trains_nothing_again(make_tfds, tmp_path):
    dataset = make_tfds()
    first = experiment.run(quick(dataset), tmp_path / "run")
    checkpoint = tmp_path / "run" / "seed0" / "checkpoint.safetensors"
    written = checkpoint.stat().st_mtime_ns
    second = experiment.run(
        quick(dataset, inverse="ridge", ridge=0.01), tmp_path / "run"
    )
    assert checkpoint.stat().st_mtime_ns == written
    assert second["networks"] == first["networks"]
    assert second["truth"] != first["truth"]
    assert "ridge 0.01" in (tmp_path / "run" / "report.md").read_text()


def test_hidden_units_need_not_equal_the_classes(make_tfds, tmp_path):
    metrics = experiment.run(quick(make_tfds(), hidden=9), tmp_path)
    assert metrics["networks"][0]["shape"] == [4, 9]
    kernel = read_kernel(tmp_path, 0)
    rows = read_rows(tmp_path / "vectors.csv")[1:]
    np.testing.assert_allclose(
        kernel @ np.array([row[1:] for row in rows], float).T,
        np.eye(4),
        atol=1e-6,
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


def test_vectors_of_finished_runs_are_of_their_last_layer(
    make_image_records, tmp_path
):
    names = ("red", "green", "blue")
    records = make_image_records(label_names=names)
    workdirs = [tmp_path / "run0", tmp_path / "run1"]
    train.train_and_evaluate(
        TrainConfig(
            backbone="vgg16",
            weights="random",
            epochs=1,
            batch_size=8,
            bottleneck=4,
            image_records=str(records),
        ),
        workdirs[0],
    )
    shutil.copytree(*workdirs)  # as another seed would lie there
    config = Im2VecConfig(
        classifier=",".join(map(str, workdirs)), permutations=99
    )
    metrics = experiment.run(config, tmp_path / "vectors")
    assert metrics["class_names"] == list(names)
    assert [row["name"] for row in metrics["networks"]] == ["run0", "run1"]
    assert [row["shape"] for row in metrics["networks"]] == [[3, 32]] * 2
    assert metrics["stability"]["trained"]["procrustes"] < 1e-12

    kernel = load(workdirs[0]).get_layer("classifier").get_layer("head_logits")
    expected = np.linalg.pinv(np.array(kernel.kernel, float).T).T
    rows = read_rows(tmp_path / "vectors" / "vectors.csv")[1:]
    np.testing.assert_allclose(
        np.array([row[1:] for row in rows], float), expected, atol=1e-6
    )


def test_a_classifier_that_is_no_finished_run_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        experiment.run(
            Im2VecConfig(classifier=str(tmp_path / "empty")), tmp_path / "run"
        )


def test_damaged_results_are_made_again_and_checkpoints_are_named(
    make_tfds, tmp_path, caplog
):
    config = quick(make_tfds(), epochs=1)
    workdir = tmp_path / "run"
    metrics = experiment.run(config, workdir)
    assert not (workdir / ".lock").exists()
    whole = {
        path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()
    }
    damage(workdir / "vectors.csv", "flipped")
    damage(workdir / "projector/sprite.png", "deleted")
    damage(workdir / "metrics.json", "cut")
    assert experiment.run(config, workdir) == metrics
    assert {path: path.read_bytes() for path in whole} == whole
    for name in ("vectors.csv", "projector/sprite.png", "metrics.json"):
        assert f"{workdir / name}: " in caplog.text
    checkpoint = workdir / "seed0/checkpoint.safetensors"
    damage(checkpoint, "flipped")
    (workdir / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"is damaged.*Delete it and run"):
        experiment.run(config, workdir)
    checkpoint.unlink()
    assert experiment.run(config, workdir) == metrics
    assert {path: path.read_bytes() for path in whole} == whole
    assert not (workdir / ".lock").exists()
