"""The multimodal run's flags and the name of its directory."""

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
    ],
)
def test_flags_no_run_could_use_are_refused(flags, message, tmp_path, capsys):
    assert run.main([f"--workdir={tmp_path / 'run'}", *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


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
