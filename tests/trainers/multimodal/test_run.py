"""The multimodal run's flags and the name of its directory."""

import json

import numpy as np
import pytest

from trainers.multimodal import config, run


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--records=there", "--dataset=x.csv"], "--dataset would have no"),
        (["--records=there", "--held_out=0.1"], "--held_out would have no"),
        (["--modalities=title", "--image_size=64"], "--image_size would have"),
        (["--modalities=title", "--tower_lr=0.1"], "--tower_lr would have no"),
        (["--modalities=image", "--text_units=8"], "--text_units would have"),
        (
            ["--modalities=image", "--modality_dropout=0.1"],
            "--modality_dropout would have no effect",
        ),
        (["--modalities=sound"], "--modalities must be some of"),
        (["--dataset=x.csv", "--weights=cifar10"], "`weights` must be"),
        (["--dataset=x.csv", "--weights=none.h5"], "not a file"),
        ([], "There is no demo of images"),
        (
            ["--dataset=x.csv", "--text_layers=5-6"],
            "`layers` must name layers among 0-5",
        ),
        (["--dataset=x.csv", "--max_tokens=600"], "must be in [3, 512]"),
        (["--dataset=x.csv", "--l2=inf"], "--l2 must be a number in [0, 1000]"),
    ],
)
def test_flags_no_run_could_use_are_refused(flags, message, tmp_path, capsys):
    assert run.main([f"--workdir={tmp_path / 'run'}", *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--frozen_grid=2", "--frozen_fraction=1"], "--frozen_grid must have"),
        (["--weights=other.npz"], "other.npz"),
    ],
)
def test_a_tower_that_cannot_be_built_is_refused_before_records_are_made(
    flags, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", **{"conv1/kernel": np.zeros(3)})
    (tmp_path / "x.csv").write_text("image,title,label\na.jpg,A,b\n")
    typed = ["--backbone=mobilenetv2", "--weights=random", "--image_size=32"]
    assert run.main(["--dataset=x.csv", *typed, *flags]) == 1
    assert message in capsys.readouterr().err
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"other.npz", "x.csv"}


def test_a_workdir_of_another_run_is_refused_before_records_are_made(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    earlier = config.MultimodalTrainConfig(epochs=3)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(
        json.dumps({"config": json.loads(earlier.dumps())})
    )
    (tmp_path / "x.csv").write_text("image,title,label\na.jpg,A,b\n")
    assert run.main(["--dataset=x.csv", "--epochs=4", "--workdir=run"]) == 1
    assert "epochs: 3 there, 4 here" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"run", "x.csv"}


def test_a_workdir_with_all_texts_of_the_flags_is_its_own(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    earlier = config.MultimodalTrainConfig(
        epochs=3, modalities="image,title,description,tags"
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text(
        json.dumps({"config": json.loads(earlier.dumps())})
    )
    flags = ["--text_fields=title,description,tags", "--workdir=run"]
    assert run.main(["--dataset=x.csv", "--epochs=4", *flags]) == 1
    assert "settings (epochs: 3 there, 4 here)" in capsys.readouterr().err


def test_a_runs_directory_is_named_after_what_decides_its_results():
    def name(**changes):
        values = {"records": "records/made-0123/multimodal/1.0.0"}
        return run.default_workdir(
            config.MultimodalTrainConfig(**{**values, **changes})
        )

    assert name().startswith("runs/multimodal-resnet50v2-image_title_descr")
    assert name(cache_gb=1.0) == name()
    assert name(seed=1) != name()
    assert name(modalities="title,image").startswith(
        "runs/multimodal-resnet50v2-image_title-"
    )
