"""What --maps makes of the settings of one run."""

import dataclasses

import pytest

from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.voting.members import choose

TRAIN = TrainConfig(seed=4)
RECORDS = RecordsConfig(map_seed=7)


def test_one_map_is_the_run_as_it_is():
    (member,) = choose("1", TRAIN, RECORDS)
    assert (member.train, member.records) == (TRAIN, RECORDS)


def test_a_number_of_tsne_maps_differ_in_seeds_and_perplexities():
    members = choose("4", TRAIN, RECORDS)
    assert [member.name for member in members] == [
        *("1-tsne", "2-tsne", "3-tsne", "4-tsne")
    ]
    assert [member.train.seed for member in members] == [4, 5, 6, 7]
    records = [member.records for member in members]
    assert [each.perplexity for each in records] == [30, 15, 60, 30]
    assert records[0] == RECORDS
    assert [each.tsne_init for each in records[1:]] == ["random"] * 3
    assert [each.map_seed for each in records[1:]] == [8, 9, 10]


def test_projections_are_chosen_by_name():
    members = choose("tsne, tsne:50,pca,random", TRAIN, RECORDS)
    chosen = [
        (each.records.projection, each.records.perplexity, each.train.seed)
        for each in members
    ]
    assert chosen == [
        ("tsne", 30, 4),
        ("tsne", 50, 5),
        ("pca", 30, 6),
        ("random", 30, 7),
    ]
    # The records of a map without chance are those of --projection=pca.
    assert members[2].records == dataclasses.replace(RECORDS, projection="pca")
    assert members[3].records.map_seed == 10


def test_maps_of_one_projection_may_differ_by_layout_alone():
    records = dataclasses.replace(RECORDS, projection="pca", layout="shuffled")
    members = choose("2", TRAIN, records)
    assert [member.records.map_seed for member in members] == [7, 8]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ("0", "must be a number from 1 to 99 or projections"),
        ("100", "must be a number from 1 to 99"),
        ("-3", "Received: '-3'"),
        ("tsne,isomap", "or projections among"),
        ("tsne:many,pca", "Received: 'tsne:many,pca'"),
        ("tsne,pca:50", "t-SNE may have its perplexity"),
        ("pca", "at least two projections.*One map is --projection=pca"),
        ("", "must be a number"),
        ("pca,pca", "must differ. Received: two by pca"),
        ("tsne:0,pca", "--perplexity must be a number in"),
    ],
)
def test_other_maps_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        choose(maps, TRAIN, RECORDS)


def test_a_number_of_maps_without_chance_is_refused():
    records = dataclasses.replace(RECORDS, projection="pca")
    with pytest.raises(ValueError, match="as in --maps=tsne,pca,random"):
        choose("3", TRAIN, records)
