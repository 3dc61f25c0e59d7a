"""The multimodal table: its plan, its flags, and a whole table."""

import dataclasses

import pytest

from trainers.multimodal import config, plan, table


@pytest.mark.parametrize(
    ("present", "count"),
    [
        # 1 image, 2 texts, 1 pair of texts; pairs and all with an image; all
        # once more with modality dropout: two towers each.
        ({"image", "title", "description"}, 2 + 2 + 1 + 4 + 2 + 2),
        ({"image", "title"}, 2 + 1 + 2 + 2),
        ({"title"}, 1),
    ],
)
def test_the_plan_has_every_choice_on_every_tower_once(present, count):
    settings = config.MultimodalTrainConfig(seed=5)
    rows = plan.plan(settings, ["resnet50v2", "mobilenetv2"], 3, present)
    assert len({row.name for row in rows}) == len(rows) == count
    for row in rows:
        assert [training.seed for training in row.trainings] == [5, 6, 7]
        assert set(row.modalities) <= present
        for training in row.trainings:
            assert training.towers == row.modalities


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--backbones=vgg16"], "--backbones must be some of"),
        (["--backbones="], "--backbones must be some of"),
        (["--backbones=resnet50v2,resnet50v2"], "each once"),
        (["--seeds=0"], "--seeds must be a whole number in"),
        (["--workdir="], "--workdir must name"),
        (["--dataset=x.csv", "--records=there"], "--dataset would have no"),
        (["--split=official", "--held_out=0.1"], "--held_out would have no"),
        (["--dataset=x.csv", "--download"], "--download would have no"),
        ([], "There is no demo of images"),
        (
            ["--dataset=x.csv", "--backbones=inceptionv3", "--image_size=64"],
            "--image_size must be at least 75 with --backbone=inceptionv3",
        ),
        (
            ["--dataset=x.csv", "--text_layers=5-6"],
            "`layers` must name layers among 0-5",
        ),
        (["--dataset=x.csv", "--weights=none.npz"], "not a file"),
    ],
)
def test_flags_no_table_could_use_are_refused(flags, message, tmp_path, capsys):
    assert table.main([f"--workdir={tmp_path / 'out'}", *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_the_table_chooses_is_no_flag(capsys):
    with pytest.raises(SystemExit) as refusal:
        table.main(["--backbone=resnet50v2"])
    assert refusal.value.code == 2
    assert "Did you mean --backbones?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_table_trains_its_rows_and_reports(make_config, tmp_path):
    settings = dataclasses.replace(make_config(), epochs=1)
    options = table.TableOptions(
        backbones=("mobilenetv2",), seeds=1, workdir=str(tmp_path)
    )
    table.make_table(settings, options)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert text.count("| mobilenetv2 |") == 4 + 2
    assert "| TF-IDF |" in text
    for name in ("vectors.png", "examples.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("metrics.json")}
    assert len(before) == 7 + 1
    table.make_table(settings, options)
    assert before == {
        p: p.stat().st_mtime_ns for p in tmp_path.rglob("metrics.json")
    }
