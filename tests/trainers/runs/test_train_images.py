"""The train images that a run remembers; those of earlier versions."""

import dataclasses

import numpy as np
import pytest

from tests.support.damages import damage
from trainers.runs import loading, train_images

FILE = "train_images.npz"


def test_it_is_read_back_as_it_was_saved(trained, tmp_path):
    known = train_images.read(trained[2].workdir)
    known.save(tmp_path)
    again = train_images.read(tmp_path)
    for field in dataclasses.fields(known):
        value = getattr(known, field.name)
        np.testing.assert_array_equal(getattr(again, field.name), value)
    assert (tmp_path / FILE).read_bytes() == (
        trained[2].workdir / FILE
    ).read_bytes()


def test_a_run_of_an_earlier_version_knows_the_mean_of_its_contrast(run_copy):
    run = loading.load_run(run_copy)
    known = train_images.load(run)
    assert len(known.quantiles)
    (run_copy / FILE).unlink()
    assert train_images.read(run_copy) is None
    older = train_images.load(run)
    np.testing.assert_allclose(older.mean, known.mean, atol=1e-6)
    assert not len(older.quantiles)


def test_without_contrast_the_cure_is_named(run_copy):
    run = loading.load_run(run_copy)
    (run_copy / FILE).unlink()
    with pytest.raises(FileNotFoundError, match="Run the training command"):
        train_images.load(
            dataclasses.replace(run, model=run.model.get_layer("classifier"))
        )


@pytest.mark.parametrize("kind", ["flipped", "cut", "emptied"])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_damaged_file_is_named(run_copy, kind, is_listed):
    if not is_listed:  # the archive has checksums of its own
        (run_copy / "files.json").unlink()
    damage(run_copy / FILE, kind)
    with pytest.raises(ValueError, match=rf"{FILE} is damaged.*made again"):
        train_images.read(run_copy)
