"""One small set of records, one small run and its export, made once."""

import pytest

from tests.support import multimodal_corpora
from tfrecords.stages import multimodal
from trainers.multimodal import export, train
from trainers.multimodal.config import MultimodalTrainConfig


@pytest.fixture(scope="session")
def corpus(make_once):
    directory = make_once("corpus", multimodal_corpora.write_jsonl)
    return directory / "made.jsonl"


@pytest.fixture(scope="session")
def records(corpus, make_once):
    def prepare(directory):
        settings = multimodal_corpora.settings(
            corpus, directory, text_layers="last2"
        )
        return multimodal.prepare_multimodal(*settings)

    return prepare(make_once("records", prepare))


@pytest.fixture(scope="session")
def make_config(records):
    """Settings of a run of seconds: almost all of the tower is frozen."""

    def make(**changes):
        values = {
            "backbone": "mobilenetv2",
            "weights": "random",
            "image_size": 32,
            "frozen_fraction": 0.98,
            "text_units": 8,
            "epochs": 6,
            "batch_size": 8,
            "head_lr": 1e-2,
            "records": str(records),
        }
        return MultimodalTrainConfig(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def trained(make_config, make_once):
    """A finished run of all three modalities."""
    return make_once(
        "multimodal_run",
        lambda workdir: train.train_and_evaluate(make_config(), workdir),
    )


@pytest.fixture(scope="session")
def exported(trained, make_once):
    """The export of that run."""
    make_once("multimodal_export", lambda _: export.export_finished(trained))
    return trained / "export/1"
