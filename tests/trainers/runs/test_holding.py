"""One process at a time works in a directory, and leaves no lock."""

import os

import pytest

from tests.support import commands, multimodal_corpora, record_sets
from tfrecords import files
from trainers import run, table
from trainers.multimodal import run as multimodal_run
from trainers.runs import holding


def test_a_second_process_is_refused_and_told_which_holds_it(tmp_path):
    with (
        holding.hold(tmp_path / "run"),
        pytest.raises(RuntimeError, match=f"Process {os.getpid()} on .* since"),
        holding.hold(tmp_path / "run"),
    ):
        pass


def test_no_lock_is_left_whatever_happens(tmp_path):
    with holding.hold(tmp_path):
        pass
    with pytest.raises(ValueError, match="spam"), holding.hold(tmp_path):
        raise ValueError("spam")
    assert os.listdir(tmp_path) == []


def test_a_lock_that_cannot_be_removed_does_not_hide_the_error(
    tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise PermissionError("no")

    def work():
        with holding.hold(tmp_path):
            monkeypatch.setattr(os, "unlink", refuse)
            raise ValueError("spam")

    with pytest.raises(ValueError, match="spam"):
        work()


def test_a_file_that_a_kill_left_half_written_is_removed(tmp_path):
    (tmp_path / "checkpoint.safetensors.writing").touch()
    (tmp_path / "checkpoint.safetensors").touch()
    (tmp_path / files.LOCK).touch()
    (tmp_path / "seed0").mkdir()
    (tmp_path / "seed0/checkpoint.safetensors.writing").touch()
    (tmp_path / "export").mkdir()
    (tmp_path / "export/batching.config.writing").touch()  # not ours
    with holding.hold(tmp_path, "seed*"):
        pass
    assert {*record_sets.tree(tmp_path)} == {
        *("checkpoint.safetensors", "seed0"),
        *("export", "export/batching.config.writing"),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", [run, pytest.param(table, marks=pytest.mark.slow)]
)
def test_programs_refuse_a_directory_that_another_process_holds(
    tmp_path, monkeypatch, capsys, reviews, tiny_bert, program
):
    monkeypatch.chdir(tmp_path)
    flags = [
        *(f"--dataset={reviews}", f"--encoder={tiny_bert}", "--max_tokens=32"),
        *("--layers=0-2", "--projection=pca", "--weights=random"),
        *("--image_height=6", "--image_width=8", "--workdir=held"),
        *("--backbone=vgg16",) * (program is run),
    ]
    (tmp_path / "held").mkdir()
    with files.lock(tmp_path / "held"):
        assert commands.exit_code(program.main, flags) == 1
    assert "is already writing held" in capsys.readouterr().err


@pytest.mark.slow
def test_a_multimodal_run_refuses_a_held_directory(
    tmp_path, monkeypatch, capsys, tiny_bert
):
    monkeypatch.chdir(tmp_path)
    multimodal_corpora.write_jsonl(tmp_path, 24)
    flags = [
        *("--dataset=made.jsonl", f"--encoder={tiny_bert}", "--workdir=held"),
        *("--max_tokens=32", "--modalities=title,description"),
        *("--text_layers=last2", "--held_out=0.4", "--weights=random"),
    ]
    (tmp_path / "held").mkdir()
    with files.lock(tmp_path / "held"):
        assert commands.exit_code(multimodal_run.main, flags) == 1
    assert "is already writing held" in capsys.readouterr().err
