"""The same command twice: the same bytes, or figures within a tolerance."""

import json
import subprocess
import sys

import pytest

from tests.support.commands import ROOT
from trainers import config

# A process each, because a device is chosen once.
_TRAIN = """
import json, pathlib, sys
from tfrecords import devices, process
process.prepare()
options, settings, workdir = sys.argv[1:]
options = devices.DeviceOptions(**json.loads(options))
process.import_tensorflow(lambda: devices.use(options))
from trainers import config
from trainers.training import train
settings = config.TrainConfig.loads(settings)
train.train_and_evaluate(settings, pathlib.Path(workdir))
"""


def _train(records, workdir, **options):
    settings = config.TrainConfig(
        backbone="alexnet",
        weights="random",
        upsample=5,
        epochs=2,
        batch_size=8,
        image_records=str(records),
    )
    arguments = (json.dumps(options), settings.dumps(), str(workdir))
    subprocess.run(
        [sys.executable, "-c", _TRAIN, *arguments],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=300,
    )
    return (
        (workdir / "model.safetensors").read_bytes(),
        json.loads((workdir / "metrics.json").read_text())["epochs"][-1],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"device": "cpu"}, id="cpu"),
        pytest.param(
            {"device": "gpu", "deterministic": True},
            id="deterministic gpu",
            marks=pytest.mark.gpu,
        ),
    ],
)
def test_the_same_command_gives_the_same_bytes(
    make_image_records, tmp_path, options
):
    records = make_image_records()
    first = _train(records, tmp_path / "first", **options)
    assert _train(records, tmp_path / "second", **options) == first


# The tolerance that docs/decisions.md states.
@pytest.mark.slow
@pytest.mark.gpu
def test_without_determinism_a_gpu_gives_nearly_the_same_figures(
    make_image_records, tmp_path
):
    records = make_image_records()
    _, first = _train(records, tmp_path / "first", device="gpu")
    _, second = _train(records, tmp_path / "second", device="gpu")
    assert second["train_loss"] == pytest.approx(first["train_loss"], rel=0.02)
