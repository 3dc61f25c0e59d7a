"""The plan of a table: what is trained, and how each row differs."""

import dataclasses

import pytest

from tfrecords.config import RecordsConfig
from trainers import backbones
from trainers.config import PRESETS, TrainConfig
from trainers.experiments import plan as cells


def settings(half, preset):
    names = {field.name for field in dataclasses.fields(half)}
    return half(**{k: v for k, v in preset.items() if k in names})


def plan(**changes):
    preset = PRESETS["imdb"]
    arguments = {
        "backbones": tuple(backbones.BACKBONES),
        "seeds": 2,
        "ablated": "resnet",
        "ablation_seeds": 1,
        "weights": {"resnet": "mine.npz"},
        "layers": tuple(range(6, 12)),
        **changes,
    }
    return cells.plan(
        settings(RecordsConfig, preset),
        settings(TrainConfig, preset),
        **arguments,
    )


def test_every_backbone_has_every_seed():
    found = [
        (cell.row, cell.train.backbone, cell.train.seed)
        for cell in plan()
        if cell.group == "backbones"
    ]
    assert found == [
        (name, name, seed) for name in backbones.BACKBONES for seed in (0, 1)
    ]


def test_every_group_of_ablations_holds_the_base():
    table = plan()
    base = next(cell for cell in table if cell.row == "resnet")
    for group in cells.ABLATIONS:
        rows = [cell for cell in table if cell.group == group]
        assert len(rows) == len(cells.ABLATIONS[group])
        same = [cell for cell in rows if cell.directory == base.directory]
        # Other layers are compared in grey, see the table.
        assert len(same) == (group != "layers"), group
        assert [cell.is_base for cell in rows].count(True) == len(same)


def test_chosen_questions_alone_are_asked_in_their_order():
    chosen = ("projection", "contrast")
    groups = dict.fromkeys(cell.group for cell in plan(ablations=chosen))
    assert tuple(groups) == ("backbones", *chosen)


def test_rows_of_a_group_are_different_trainings():
    for group in cells.ABLATIONS:
        names = [cell.directory for cell in plan() if cell.group == group]
        assert len(set(names)) == len(names), group


def test_filters_are_compared_with_the_weights_that_were_given():
    rows = {c.row: c for c in plan() if c.group == "filters"}
    assert rows["as given"].train.weights == "mine.npz"
    assert rows["as given"].is_base
    assert rows["random"].train.weights == "random"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(tuple(range(6, 12)), "5-10"), (tuple(range(6)), "0-4")],
)
def test_one_layer_lower_is_the_published_slip(layers, expected):
    rows = {c.row: c for c in plan(layers=layers) if c.group == "layers"}
    assert rows["one layer lower, grey, bins"].records.layers == expected


def test_unknown_layers_leave_their_row_out():
    rows = [cell.row for cell in plan(layers=()) if cell.group == "layers"]
    assert rows == ["as encoded, grey, bins", "last only, grey, bins"]


def test_without_an_ablated_backbone_there_are_no_ablations():
    assert {cell.group for cell in plan(ablated="")} == {"backbones"}


def test_where_records_lie_does_not_name_a_training():
    cell = plan()[0]
    moved = dataclasses.replace(
        cell, records=dataclasses.replace(cell.records, records_dir="there")
    )
    assert moved.directory == cell.directory
