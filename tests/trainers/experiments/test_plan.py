"""The plan of a table: what is trained, and how each row differs."""

import dataclasses

import pytest

from tfrecords.config import RecordsConfig
from trainers import backbones
from trainers.config import PRESETS, TrainConfig
from trainers.experiments.plan import ABLATIONS, plan, unique_trainings


def settings(half, preset):
    names = {field.name for field in dataclasses.fields(half)}
    return half(**{k: v for k, v in preset.items() if k in names})


def rows(group=None, **changes):
    """Rows of a plan, or those of one group."""
    preset = PRESETS["imdb"]
    arguments = {
        "backbones": tuple(backbones.BACKBONES),
        "seeds": 2,
        "ablated": "resnet",
        "ablation_seeds": 1,
        "weights": {"resnet": "mine.npz"},
        "layers": tuple(range(6, 12)),
        "ablations": tuple(ABLATIONS),
        **changes,
    }
    planned = plan(
        settings(RecordsConfig, preset),
        settings(TrainConfig, preset),
        **arguments,
    )
    return [row for row in planned if group in (None, row.group)]


def names(row):
    return [training.name for training in row.trainings]


def test_every_backbone_has_every_seed():
    trainings = [
        (row.name, training.train.backbone, training.train.seed)
        for row in rows("backbones")
        for training in row.trainings
    ]
    assert trainings == [
        (name, name, seed) for name in backbones.BACKBONES for seed in (0, 1)
    ]


def test_every_group_of_ablations_holds_the_base():
    (base,) = [row for row in rows("backbones") if row.name == "resnet"]
    for group, changes in ABLATIONS.items():
        planned = rows(group)
        assert len(planned) == len(changes)
        same = [row for row in planned if names(row)[0] == names(base)[0]]
        # Other layers are compared in grey, see the table.
        assert len(same) == (group not in ("layers", "layer")), group
        assert [row for row in planned if row.is_base] == same


def test_only_the_chosen_questions_are_asked_in_their_order():
    chosen = ("projection", "contrast")
    groups = dict.fromkeys(row.group for row in rows(ablations=chosen))
    assert tuple(groups) == ("backbones", *chosen)


def test_rows_of_a_group_are_different_trainings():
    for group in ABLATIONS:
        trainings = [name for row in rows(group) for name in names(row)]
        assert len(set(trainings)) == len(trainings), group


def test_a_training_in_several_rows_belongs_to_the_first():
    planned = rows()
    unique = unique_trainings(planned)
    assert {name for row in planned for name in names(row)} == set(unique)
    base = rows("contrast")[0]
    assert base.is_base
    row, training = unique[names(base)[0]]
    assert (row.group, row.name) == ("backbones", "resnet")
    assert training == base.trainings[0]


def test_filters_are_compared_with_the_weights_that_were_given():
    by_name = {row.name: row for row in rows("filters")}
    given = by_name["as given"]
    assert given.trainings[0].train.weights == "mine.npz"
    assert given.is_base
    assert by_name["random"].trainings[0].train.weights == "random"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(tuple(range(6, 12)), "5-10"), (tuple(range(6)), "0-4")],
)
def test_one_layer_lower_is_the_published_slip(layers, expected):
    by_name = {row.name: row for row in rows("layers", layers=layers)}
    (training,) = by_name["one layer lower, grey, bins"].trainings
    assert training.records.layers == expected


def test_no_layer_is_lower_than_the_first():
    names = [row.name for row in rows("layers", layers=(0,))]
    assert "one layer lower, grey, bins" not in names


def test_unknown_layers_leave_their_row_out():
    assert [row.name for row in rows("layers", layers=())] == [
        "as encoded, grey, bins",
        "last only, grey, bins",
    ]
    assert len(rows("layer", layers=())) == 2


def test_each_layer_alone_is_one_of_those_that_were_encoded():
    planned = rows("layer", layers=(8, 9, 11))
    layers = [row.trainings[0].records.layers for row in planned]
    assert layers == ["last6", "all", "8-8", "9-9", "11-11"]


def test_without_an_ablated_backbone_there_are_no_ablations():
    assert {row.group for row in rows(ablated="")} == {"backbones"}


def test_the_place_of_records_does_not_change_a_name(tmp_path):
    training = rows()[0].trainings[0]
    moved = dataclasses.replace(
        training,
        records=dataclasses.replace(training.records, records_dir="there"),
    )
    assert moved.name == training.name
    assert moved.path(tmp_path) == tmp_path / "cells" / training.name
