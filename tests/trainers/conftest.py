"""Shared by the tests of this package: texts, small models, slices."""

import fcntl
import os
import shutil

import pytest


class _Lazy(dict):
    """A dictionary that makes a value when it is first used."""

    def __init__(self, make):
        super().__init__()
        self._make = make

    def __missing__(self, key):
        self[key] = self._make(key)
        return self[key]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory):
    """Makes a directory once for all workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def make(name, fill):
        """Calls `fill` with a directory unless there is one of this name."""
        directory = shared / name
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other workers wait
            if not (shared / f"{name}.done").exists():
                shutil.rmtree(directory, ignore_errors=True)
                fill(directory)
                (shared / f"{name}.done").touch()
        return directory

    return make


@pytest.fixture(scope="session")
def trained(make_once, tiny_bert):
    """Number of classes to its model."""
    from tests.support import small_runs

    def make(num_classes):
        def fill(directory):
            small_runs.make_on_disk(directory, tiny_bert, num_classes)

        return small_runs.Trained(make_once(f"classes{num_classes}", fill))

    return _Lazy(make)


@pytest.fixture(scope="session")
def reloaded(trained):
    """Number of classes to the text classifier from its run's directory."""
    from trainers.runs import loading
    from trainers.serving import text_classifier

    return _Lazy(
        lambda num_classes: text_classifier.load_classifier(
            loading.load_run(trained[num_classes].workdir)
        )
    )


@pytest.fixture(scope="session")
def signatures(trained):
    """Functions of the SavedModel of three classes, in this process."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers its ops

    loaded = tf.saved_model.load(str(trained[3].export))
    yield dict(loaded.signatures)
    del loaded  # not before: the functions hold its variables weakly


@pytest.fixture
def run_copy(trained, tmp_path):
    """A copy of a run that a test may damage."""
    return shutil.copytree(trained[2].workdir, tmp_path / "run")


@pytest.fixture
def reviews(tmp_path):
    """Sixty texts of two classes whose words give them away."""
    path = tmp_path / "my reviews.csv"
    lines = ["text,label"]
    for index in range(60):
        words = ("great love good", "bad dull hate")[index % 2]
        label = ("fresh", "rotten")[index % 2]
        lines.append(f'"{words} film, number {index}","{label}"')
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def alexnet():
    from trainers import backbones
    from trainers.backbones.slices import build_slice

    return build_slice(backbones.get_backbone("alexnet"))


@pytest.fixture(scope="module")
def resnet():
    from trainers import backbones
    from trainers.backbones.slices import build_slice

    return build_slice(backbones.get_backbone("resnet"))
