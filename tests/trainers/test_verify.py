"""`verify` tells records, runs and exports apart, and names every fault."""

import shutil

import pytest

from tests.support.damages import DAMAGES, damage
from trainers import verify


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    """A run with its export, which no test may change."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(trained[3].workdir, directory)
    shutil.copytree(trained[3].export.parent, directory / "export")
    return directory


def test_whole_directories_are_ok(whole, make_image_records, capsys):
    directories = (
        whole,
        whole / "export",
        whole / "export/1",
        whole / "export/core/1",
        make_image_records(num_train=4, num_validation=2),
    )
    assert verify.main([str(directory) for directory in directories]) == 0
    assert capsys.readouterr().out == "".join(
        f"{directory}: ok\n" for directory in directories
    )


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "records.json",
        "pixel_map.npz",
        "pixel_map.json",
        "checkpoint.safetensors",
        "history.csv",
        "model.safetensors",
        "predictions.csv",
        "train_images.npz",
        "metrics.json",
        "files.json",
        "export/1/saved_model.pb",
        "export/1/variables/variables.data-00000-of-00001",
        "export/1/assets.extra/provenance.json",
        "export/core/1/fingerprint.pb",
    ],
)
def test_every_damage_is_named(whole, tmp_path, name):
    for kind in DAMAGES:
        run = shutil.copytree(whole, tmp_path / kind / "run")
        damage(run / name, kind)
        faults = verify.find_faults(run)
        if kind == "deleted" and name in (
            "files.json",  # as in runs of earlier versions
            "checkpoint.safetensors",  # a finished run does not need it
        ):
            assert faults == []
        elif kind == "deleted" and name == "config.json":
            assert "not the directory of a run" in faults[0]
        else:
            assert any(name in fault for fault in faults), (kind, faults)


def test_a_run_that_is_not_finished_says_so(whole, tmp_path):
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "metrics.json").unlink()
    faults = verify.find_faults(run)
    assert faults == ["metrics.json: missing: not a finished run"]


def test_other_directories_are_refused(tmp_path, capsys):
    assert verify.main([str(tmp_path)]) == 1
    assert "not the directory of a run (config.json)" in capsys.readouterr().out
    assert verify.main([str(tmp_path / "gone")]) == 1
    assert "gone: does not exist\n" in capsys.readouterr().out
    assert verify.main([]) == 2
