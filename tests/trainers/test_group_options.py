"""`--group_key` is refused before anything is made where it has no use."""

import pytest

from tests.support import commands
from trainers import run
from trainers.multimodal import run as multimodal_run


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "has texts and labels alone"),
        ("--dataset=rows.csv", "rows: no 'place' among 'text', 'label'"),
        ("--image_records=x", "--image_records names finished records"),
        ("--stacks=x.npz", "--stacks names vectors"),
        ("--dataset=rows.csv --maps=pca,random", "a vote is not compared"),
        ("--preset=best", "--group_key would have no effect"),
    ],
)
def test_a_run_of_texts(typed, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("text,label\na text,a\nanother,b\n")
    flags = ["--group_key=place", *typed.split()]
    assert commands.exit_code(run.main, flags) == 1
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--dataset=rows.csv", "no 'place' among 'image', 'label'"),
        ("--dataset=images", "images, a folder. Name a file of rows"),
        ("--records=x", "--records names finished records"),
    ],
)
def test_a_run_of_images(typed, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("image,label\na.jpg,a\nb.jpg,b\n")
    (tmp_path / "images/a").mkdir(parents=True)
    flags = ["--group_key=place", "--weights=random", *typed.split()]
    assert commands.exit_code(multimodal_run.main, flags) == 1
    assert message in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2
