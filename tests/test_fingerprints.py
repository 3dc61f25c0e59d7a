"""The names under which users find their records and runs again.

A name holds a fingerprint of settings: a renamed field or a changed default
gives every record set and every run another name, and makes them all again.
The constants were computed by the code of commit 4a80b34. The other parts of
a fingerprint, hashes of corpus and encoder, are in `test_compatibility.py`.
"""

import dataclasses

import pytest

from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MULTIMODAL_SETTINGS, MultimodalConfig
from tfrecords.settings import fingerprint
from tfrecords.stages import images, record_sets, stacks
from trainers.backbones import BACKBONES
from trainers.config import PRESETS, TrainConfig, default_workdir
from trainers.experiments import plan as table_plan
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.config import default_workdir as im2vec_workdir
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.run import default_workdir as multimodal_workdir

_ENCODE_SETTINGS = stacks.SETTINGS
_DRAW_SETTINGS = images.SETTINGS
_MULTIMODAL_SETTINGS = MULTIMODAL_SETTINGS
# What else is called, by one name each: a rename of theirs ends here.
_pick = record_sets.pick
_text_workdir = default_workdir
_plan = table_plan.plan

# Rows of a table that came after the constants; the others' names stay.
_ROWS_ADDED_LATER = {
    ("normalization", "of the data set"),
    ("projection", "kernel PCA"),
    ("projection", "random positions"),
}
# The questions of that commit; later ones make no training a new one.
_QUESTIONS = (
    *("filters", "layout", "projection", "assignment", "scaling"),
    *("upsampling", "channels", "layers", "contrast", "normalization"),
    *("autoencoder", "batch_norm"),
)
# Presets of that commit; `best` came later.
_ALL_PRESETS = {
    "defaults": {},
    **{name: PRESETS[name] for name in ("demo", "imdb", "paper")},
}


def _settings(half, preset):
    names = {field.name for field in dataclasses.fields(half)}
    values = _ALL_PRESETS[preset]
    return half(**{name: values[name] for name in values if name in names})


def _records(preset, **changes):
    return dataclasses.replace(_settings(RecordsConfig, preset), **changes)


def _training(preset, **changes):
    return dataclasses.replace(_settings(TrainConfig, preset), **changes)


def _text_directory(preset, **changes):
    values = {"image_records": "records/image/imdb-0123/1.0.0", **changes}
    return _text_workdir(_training(preset, **values))


def _table(preset):
    """Fingerprint of the names of all trainings of a table, and the first."""
    plan = _plan(
        _records(preset),
        _training(preset),
        backbones=tuple(BACKBONES),
        seeds=2,
        ablated="resnet",
        ablations=_QUESTIONS,
        ablation_seeds=1,
        weights={"resnet": "mine.npz"},
        layers=tuple(range(6, 12)),
    )
    names = [
        training.name
        for row in plan
        if (row.group, row.name) not in _ROWS_ADDED_LATER
        for training in row.trainings
    ]
    return f"{names[0]}, {len(names)} in {fingerprint({'names': names})}"


def _multimodal_directory(**changes):
    values = {"records": "records/multimodal/a-0/1.0.0", **changes}
    return multimodal_workdir(MultimodalTrainConfig(**values))


def _im2vec_directory(dataset, **changes):
    return str(im2vec_workdir(Im2VecConfig(dataset=dataset, **changes)))


def _computed():
    """Every name that the table below has, by what it is a name of."""
    found = {}
    for preset in _ALL_PRESETS:
        records = _records(preset)
        found[f"stacks, {preset}"] = fingerprint(
            _pick(records, _ENCODE_SETTINGS)
        )
        found[f"images, {preset}"] = fingerprint(_pick(records, _DRAW_SETTINGS))
        found[f"run, {preset}"] = _text_directory(preset)
        found[f"table, {preset}"] = _table(preset)
    bfloat16 = _records("defaults", encoder_dtype="bfloat16")
    goods = _records("defaults", dataset="goods.jsonl")
    return (
        found
        | {
            "stacks, bfloat16": fingerprint(_pick(bfloat16, _ENCODE_SETTINGS)),
            "multimodal records": fingerprint(
                {
                    **_pick(goods, _MULTIMODAL_SETTINGS),
                    **MultimodalConfig().provenance,
                }
            ),
            "multimodal run": _multimodal_directory(),
            "multimodal run, texts": _multimodal_directory(
                modalities="description,title", backbone="mobilenetv2"
            ),
            "im2vec run": _im2vec_directory("cifar100"),
            "im2vec run, superclass": _im2vec_directory(
                "cifar100", superclass="large_carnivores"
            ),
            "im2vec run, records": _im2vec_directory(
                "records/image/imdb-0123/1.0.0", epochs=7
            ),
            "im2vec run, classifier": _im2vec_directory(
                "", classifier="runs/one,runs/two"
            ),
        }
        | {
            f"run, demo, {name}": _text_directory("demo", backbone=name)
            for name in BACKBONES
        }
    )


EXPECTED = {
    "stacks, defaults": "6a904351fa79",
    "images, defaults": "2381981be634",
    "run, defaults": "runs/imdb-0123-resnet-d533b131",
    "table, defaults": "alexnet-seed0-df8e0aa7adfc, 44 in 3242a6c5d3fa",
    "stacks, demo": "6a904351fa79",
    "images, demo": "097ef915f868",
    "run, demo": "runs/imdb-0123-resnet-24e72c3e",
    "table, demo": "alexnet-seed0-f386dde1aa4d, 44 in 08e371f69ea7",
    "stacks, imdb": "6a904351fa79",
    "images, imdb": "097ef915f868",
    "run, imdb": "runs/imdb-0123-resnet-994f6593",
    "table, imdb": "alexnet-seed0-787601d801eb, 44 in f8b1b7e5c1df",
    "stacks, paper": "98f653916260",
    "images, paper": "d705e7d9d03e",
    "run, paper": "runs/imdb-0123-resnet-73832356",
    "table, paper": "alexnet-seed42-19ab87bc3892, 44 in f02cd054d7bd",
    "stacks, bfloat16": "dd5131555362",
    "multimodal records": "5bd500889a60",
    "multimodal run": "runs/a-0-resnet50v2-image_title_description-6906ae0e",
    "multimodal run, texts": "runs/a-0-mobilenetv2-title_description-d47ca35a",
    "im2vec run": "runs/im2vec-cifar100-cf217810",
    "im2vec run, superclass": "runs/im2vec-cifar100-99fb0e00",
    "im2vec run, records": "runs/im2vec-imdb-0123-e0a454a9",
    "im2vec run, classifier": "runs/im2vec-one-087e00dd",
    "run, demo, alexnet": "runs/imdb-0123-alexnet-6413b56d",
    "run, demo, resnet": "runs/imdb-0123-resnet-24e72c3e",
    "run, demo, resnext": "runs/imdb-0123-resnext-efb1b606",
    "run, demo, shufflenet": "runs/imdb-0123-shufflenet-d5e9839c",
    "run, demo, vgg16": "runs/imdb-0123-vgg16-347a14a3",
    "run, demo, wide_resnet": "runs/imdb-0123-wide_resnet-340dec36",
}


@pytest.fixture(scope="module")
def computed():
    return _computed()


def test_the_table_has_every_name(computed):
    assert set(computed) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_name_on_disk_stays(computed, name):
    assert computed[name] == EXPECTED[name]


def test_settings_that_move_no_result_move_no_name():
    assert _text_directory("demo", cache_gb=1.0) == _text_directory("demo")
    assert _multimodal_directory(cache_gb=1.0) == _multimodal_directory()
    assert _im2vec_directory(
        "cifar100", inverse="pinv", num_seeds=5, permutations=9
    ) == _im2vec_directory("cifar100")


def test_a_setting_that_moves_results_moves_the_name():
    assert _text_directory("demo", seed=1) != _text_directory("demo")
    assert _multimodal_directory(seed=1) != _multimodal_directory()
    for change in ({"seed": 1}, {"depth": 3}, {"augment": True}):
        assert _im2vec_directory("cifar100", **change) != _im2vec_directory(
            "cifar100"
        )
