"""The command that lists runs."""

import csv
import io
import json
import shutil

import pytest

from trainers import list_runs


@pytest.fixture
def folder(run_copy, tmp_path):
    other = shutil.copytree(run_copy, tmp_path / "other\x1b[2J")
    metrics = json.loads((other / "metrics.json").read_text())
    metrics["accuracy"] = 2.0
    (other / "metrics.json").write_text(json.dumps(metrics))
    (other / "files.json").unlink()
    shutil.copytree(run_copy, tmp_path / "unfinished")
    (tmp_path / "unfinished/metrics.json").unlink()
    (tmp_path / "unfinished/files.json").unlink()
    return tmp_path


def output_of(capsys, *flags):
    assert list_runs.main([str(flag) for flag in flags]) == 0
    return capsys.readouterr().out


def test_a_table_is_sorted_and_cannot_control_the_terminal(folder, capsys):
    lines = output_of(capsys, folder, "--sort=accuracy").splitlines()
    assert lines[0].split() == list(list_runs._COLUMNS)
    names = [line.split()[0].split("/")[-1] for line in lines[1:]]
    assert names == ["other?[2J", "run", "unfinished"]
    assert lines[3].endswith("unfinished at epoch 2")
    assert len({line.index("text") for line in lines[1:]}) == 1


def test_csv_and_json_say_the_same(folder, capsys):
    text = output_of(capsys, folder, "--format=csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    values = json.loads(output_of(capsys, folder, "--format=json"))
    assert [row["name"] for row in rows] == [value["name"] for value in values]
    assert {value["accuracy"] for value in values} >= {2.0, None}
    for row, value in zip(rows, values, strict=True):
        assert row["accuracy"] == str(value["accuracy"] or "")


def test_runs_are_compared_side_by_side(folder, capsys):
    path = folder / "run/config.json"
    claim = json.loads(path.read_text())
    claim["config"]["epochs"] = 7
    path.write_text(json.dumps(claim))
    lines = output_of(
        capsys, folder / "run", folder / "unfinished", "--compare"
    ).splitlines()
    assert [line.split()[0] for line in lines] == [
        *("setting", "accuracy", "epochs")
    ]
    assert lines[2].split() == ["epochs", "7", "2"]


def test_a_folder_without_runs_is_an_error(tmp_path, capsys):
    assert list_runs.main([str(tmp_path)]) == 1
    assert "There are no runs below" in capsys.readouterr().err
    assert list_runs.main([str(tmp_path / "gone")]) == 1
    assert "FOLDER must be an existing folder" in capsys.readouterr().err
