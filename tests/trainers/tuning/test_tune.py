"""The tuned encoder of a corpus."""

import csv
import dataclasses
import pathlib

import keras
import numpy as np
import pytest

from tests.support import commands
from text2image import hashes
from text2image.bert import checkpoint
from text2image.corpora import sides
from text2image.corpora.texts import open_corpus
from tfrecords.config import RecordsConfig
from tfrecords.stages import dealing
from trainers import run
from trainers.training import loop
from trainers.tuning.config import TuneConfig
from trainers.tuning.tune import tuned_encoder

CONFIG = TuneConfig(tune_encoder=2, tune_batch_size=8, tune_lr=1e-2)


@pytest.fixture
def records(reviews, tiny_bert, tmp_path) -> RecordsConfig:
    return RecordsConfig(
        dataset=str(reviews),
        encoder=tiny_bert,
        max_tokens=32,
        records_dir=str(tmp_path / "records"),
    )


def _tune(records: RecordsConfig, **settings) -> pathlib.Path:
    with loop.deterministic():
        return tuned_encoder(CONFIG, records, **settings)


@pytest.mark.slow
def test_the_same_texts_give_the_same_encoder_which_is_reused(
    records, tmp_path, caplog
):
    caplog.set_level("INFO")
    encoder = _tune(records)
    other = dataclasses.replace(records, records_dir=str(tmp_path / "other"))
    assert checkpoint.identify(str(_tune(other))) == checkpoint.identify(
        str(encoder)
    )
    assert _tune(records) == encoder
    assert "encoder: reusing" in caplog.text
    published = checkpoint.load_checkpoint(records.encoder)
    tuned = checkpoint.load_checkpoint(str(encoder))
    assert tuned.wordpiece == published.wordpiece
    assert tuned.gelu == published.gelu
    assert any(
        (np.array(one) != np.array(two)).any()
        for one, two in zip(
            tuned.backbone.weights, published.backbone.weights, strict=True
        )
    )
    (encoder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"is damaged.*Delete"):
        _tune(records)


@pytest.mark.slow
def test_the_head_reads_the_stack_as_it_is_pooled(records):
    by_pooling = {
        _tune(dataclasses.replace(records, pooling=pooling))
        .joinpath("model.safetensors")
        .read_bytes()
        for pooling in ("cls", "mean", "first_last")
    }
    assert len(by_pooling) == 3


@pytest.mark.slow
def test_ends_of_long_texts_do_not_tune_again(records):
    windows = dataclasses.replace(records, long_texts="head_tail")
    assert _tune(windows) == _tune(records)


class _Kill(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_killed_tuning_ends_with_the_bytes_of_another(records, tmp_path):
    whole = _tune(records, texts_per_part=16)
    records = dataclasses.replace(records, records_dir=str(tmp_path / "killed"))
    with pytest.raises(KeyboardInterrupt):
        _tune(records, texts_per_part=16, callbacks=[_Kill()])
    resumed = _tune(records, texts_per_part=16)
    assert checkpoint.identify(str(resumed)) == checkpoint.identify(str(whole))


@pytest.mark.slow
def test_validation_texts_are_never_seen(records, tmp_path):
    with pathlib.Path(records.dataset).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    side = dealing.split(records, open_corpus(records.dataset)).side
    (validation,) = np.nonzero(side == sides.VALIDATION)
    assert len(validation)

    def of(name: str, changed: np.ndarray) -> str:
        # Sides follow from labels and places: all texts differ.
        parts = {sides.TRAIN: [], sides.VALIDATION: []}
        for number, row in enumerate(rows):
            text = row["text"] + " again" * (number in changed)
            parts[side[number]].append({**row, "text": text})
        folder = tmp_path / name
        folder.mkdir()
        for part, part_rows in zip(
            ("train", "validation"), parts.values(), strict=True
        ):
            with (folder / f"{part}.csv").open("w", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(part_rows)
        moved = dataclasses.replace(
            records,
            dataset=str(folder),
            split="official",
            records_dir=str(tmp_path / f"{name} records"),
        )
        return hashes.sha256_of_file(_tune(moved) / "model.safetensors")

    unchanged = of("unchanged", np.array([]))
    assert of("validation changed", validation) == unchanged
    (train,) = np.nonzero(side == sides.TRAIN)
    assert of("train changed", train[:1]) != unchanged


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["--tune_lr=1e-3"], "--tune_encoder is 0"),
        (["--tune_encoder=1", "--image_records=x"], "--image_records names"),
        (
            ["--tune_encoder=1", "--distribution=mirrored"],
            "tunes on one device",
        ),
    ],
)
def test_flags_without_effect_are_refused(
    typed, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert commands.exit_code(run.main, typed) in (1, 2)
    assert message in capsys.readouterr().err
