"""One small set of records and one small trained run, made once."""

import pytest

from tests.support import multimodal_corpora
from tfrecords.stages import multimodal
from trainers.multimodal import train
from trainers.multimodal.config import MultimodalTrainConfig


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return multimodal_corpora.write_jsonl(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def records(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("records")
    settings = multimodal_corpora.settings(
        corpus, directory, text_layers="last2"
    )
    return multimodal.prepare_multimodal(*settings)


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
def trained(make_config, tmp_path_factory):
    """A finished run of all three modalities."""
    workdir = tmp_path_factory.mktemp("run")
    train.train_and_evaluate(make_config(), workdir)
    return workdir
