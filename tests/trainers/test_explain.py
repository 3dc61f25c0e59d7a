"""Explanations as a user types them."""

import csv
import dataclasses
import io
import json
import sys

import numpy as np
import pytest

from tests.support import commands
from trainers import explain
from trainers.explanations import formats
from trainers.explanations.explanation import Explanation, Word

NAMES = ("neg", "größe")
TEXT = "so\t good, \x1b[31mbad\n\ud800 and more"
EXPLANATION = Explanation(
    text=TEXT,
    label="größe",
    probabilities=np.array([0.25, 0.75], np.float32),
    margin=1.5,
    words_baseline=-0.5,
    image_baseline=0.25,
    words=(
        Word(0, 2, 0.01),
        Word(4, 8, 2.5),
        Word(8, 9, 0.0),
        Word(10, 18, -1.0),
        Word(19, 20, 0.5),
    ),
    image=np.zeros((2, 2, 1)),
    mean_image=np.zeros((2, 2, 1)),
    pixels=np.zeros((2, 2, 1)),
    features=np.array([[1.0, 0.5], [-0.25, 0.0]]),
    words_error=0.01,
    pixels_error=0.002,
)
EMPTY = dataclasses.replace(EXPLANATION, text="", words=(), words_baseline=1.5)
STREAM = [(1, EXPLANATION), (7, EMPTY)]


def lines_of(name):
    return list(formats.FORMATS[name](iter(STREAM), NAMES, (4, 5)))


def test_a_table_says_words_layers_and_what_the_sums_miss(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    table = "".join(lines_of("table"))
    assert "\x1b" not in table
    lines = table.splitlines()
    assert lines[0] == "text 1: größe, probability 0.7500, margin +1.500"
    words = [line.split() for line in lines if line.startswith("    ")]
    assert words[0] == ["good", "+2.500", "+" * 24]
    assert words[1] == ["?[31mbad", "-1.000", "-" * 10]
    assert words[5:7] == [
        ["layer", "4", "+1.500", "+" * 24],
        ["layer", "5", "-0.250", "-" * 4],
    ]
    assert "0.0100 (words) and 0.0020 (layers)" in table
    assert "  (no words)\n  BERT layers" in table


def test_only_a_terminal_gets_colours(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    line = lines_of("table")[1]
    # A weak word has no colour; the text's own escape is harmless.
    assert line.startswith("  so \x1b[30;48;5;203mgood\x1b[0m, ")
    assert "\x1b[30;48;5;153m?[31mbad\x1b[0m" in line
    assert line.endswith(" and more\n")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "".join(lines_of("table"))


def test_csv_has_a_line_per_word():
    rows = list(csv.DictReader(io.StringIO("".join(lines_of("csv")))))
    assert len(rows) == 5
    assert rows[1] == {
        "id": "1",
        "label": "größe",
        "margin": "1.500000",
        "start": "4",
        "end": "8",
        "word": "good",
        "contribution": "2.500000",
    }
    for row in rows[:4]:
        assert row["word"] == TEXT[int(row["start"]) : int(row["end"])]


def test_json_lines_have_places_layers_and_errors():
    first, second = map(json.loads, lines_of("jsonl"))
    assert first["probabilities"] == {"neg": 0.25, "größe": 0.75}
    assert first["layers"] == {"4": 1.5, "5": -0.25}
    assert first["words"][1] == {
        "start": 4,
        "end": 8,
        "word": "good",
        "contribution": 2.5,
    }
    assert (first["words_error"], first["pixels_error"]) == (0.01, 0.002)
    assert (second["id"], second["words"]) == (7, [])


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ([], 2, "Expected either --workdir or --export_dir"),
        (["--workdir=a"], 2, "Expected either texts"),
        (["--workdir=a", "--method=lime", "text"], 2, "must be one of"),
        (["--export_dir=a", "--encoder=b", "text"], 1, "--encoder would have"),
        (["--workdir=a", "text"], 1, "not a finished run"),
    ],
)
def test_a_wrong_call_is_answered_with_the_reason(capsys, flags, code, message):
    assert commands.exit_code(explain.main, flags) == code
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_explains_a_file_and_draws_it(trained, tmp_path):
    (tmp_path / "texts.csv").write_text("text\ngood film\nbad\n")
    done = commands.run(
        "trainers.explain",
        f"--workdir={trained[3].workdir}",
        "--file=texts.csv",
        "--format=jsonl",
        "--label=clåss 1",
        "--figure_dir=figures",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    values = [json.loads(line) for line in done.stdout.splitlines()]
    assert [value["text"] for value in values] == ["good film", "bad"]
    assert {value["label"] for value in values} == {"clåss 1"}
    drawn = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert drawn == ["000002.png", "000003.png"]
