"""The command that explains samples: flags, formats and figures."""

import json

import numpy as np
import pytest

from tests.support import commands, multimodal_corpora
from trainers.explanations.explanation import Word
from trainers.multimodal import explain, explanation_formats
from trainers.multimodal.explanation import SampleExplanation
from trainers.multimodal.explanation_figure import draw_sample


def make_explanation(**changes):
    values = {
        "id": "a/1.jpg",
        "label": "rot",
        "probabilities": np.array([0.75, 0.25]),
        "margin": 2.0,
        "baseline": -0.5,
        "modalities": {"image": 3.0, "title": -0.5},
        "texts": {"title": "a $red$ \n 椅子"},
        "words": {"title": (Word(0, 1, -0.25), Word(2, 7, 0.5))},
        "image": np.full((8, 8, 3), 200, np.float32),
        "region": np.array([[0.0, 4.5], [9.0, 1.0]], np.float32),
    }
    return SampleExplanation(**{**values, **changes})


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--export_dir=x --title=a", 2, "Expected --workdir=RUN: an export"),
        ("--title=a", 2, "Expected either --workdir or"),
        ("--workdir=x", 2, "Expected either --file=PATH or some of"),
        ("--workdir=x --file=a.csv --title=a", 2, "Received: both"),
        ("--workdir=x --title=a --title_key=b", 1, "--title_key would"),
        ("--workdir=x --title=a --format=csv", 2, "table, jsonl"),
        ("--workdir=x --file=a.csv", 1, "Expected an existing file"),
    ],
)
def test_flags_that_do_not_fit_are_refused_at_once(
    tmp_path, monkeypatch, capsys, flags, code, message
):
    monkeypatch.chdir(tmp_path)
    assert commands.exit_code(explain.main, flags.split()) == code
    assert message in capsys.readouterr().err


def test_the_table_names_modalities_words_and_region():
    shown = "".join(
        explanation_formats.table([make_explanation()], ("rot", "blau"))
    )
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[0] == "sample a/1.jpg: rot, probability 0.7500, margin +2.000"
    assert lines[2].split() == ["image", "+3.000", "+" * 24]
    assert lines[3].split() == ["title", "-0.500", "-" * 4]
    assert lines[5].split()[:2] == ["$red$", "+0.500"]
    assert lines[8:10] == ["    0 4", "    9 1"]


def test_the_lines_are_json_with_every_number():
    items = [make_explanation(), make_explanation(region=None, texts={})]
    one, other = map(
        json.loads, explanation_formats.json_lines(items, ("rot", "blau"))
    )
    assert one["modalities"] == {"image": 3.0, "title": -0.5}
    assert one["probabilities"] == {"rot": 0.75, "blau": 0.25}
    assert one["region"] == [[0.0, 4.5], [9.0, 1.0]]
    assert one["title"]["words"][1] == {
        "start": 2,
        "end": 7,
        "word": "$red$",
        "contribution": 0.5,
    }
    assert other["region"] is None
    assert "title" not in other


def test_the_figure_has_the_photo_beside_the_heat_map():
    figure = draw_sample(make_explanation())
    panels = {axes.get_title(): axes for axes in figure.axes}
    (photo,) = panels["image"].get_images()
    assert (photo.get_array() == 200).all()
    _, heat = panels["where it speaks for it"].get_images()
    np.testing.assert_array_equal(heat.get_array(), [[0, 4.5], [9, 1]])
    # The heat map covers the photo.
    assert heat.get_extent() == photo.get_extent()
    bars = panels["contributions by modality"].patches
    assert [bar.get_width() for bar in bars] == [3.0, -0.5]
    words = [text.get_text() for text in panels[""].texts]
    assert r"$red$" in words
    figure.canvas.draw()


def test_a_sample_of_texts_has_a_figure_too():
    figure = draw_sample(
        make_explanation(image=None, region=None, modalities={"title": 2.5})
    )
    figure.canvas.draw()
    assert len(figure.axes) == 2


@pytest.mark.slow
def test_a_file_is_explained_and_drawn(trained, tmp_path, capsys):
    corpus = multimodal_corpora.write_jsonl(tmp_path, 3)
    flags = [
        f"--workdir={trained}",
        f"--file={corpus}",
        "--format=jsonl",
        f"--figure_dir={tmp_path / 'figures'}",
    ]
    assert commands.exit_code(explain.main, flags) == 0
    lines = capsys.readouterr().out.splitlines()
    items = [json.loads(line) for line in lines]
    assert len(items) == 3
    for item in items:
        assert sum(item["modalities"].values()) == pytest.approx(
            item["margin"] - item["baseline"], abs=1e-4
        )
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["000001.png", "000002.png", "000003.png"]
