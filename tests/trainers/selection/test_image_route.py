"""The image route's settings follow the number of texts and the time."""

import pytest

from tfrecords import reader
from trainers.config import TrainConfig
from trainers.selection import image_route
from trainers.selection.clock import Clock, OutOfTimeError


@pytest.fixture
def settings_for(make_image_records, tmp_path):
    """Settings for 24 train images of 40 by 40 pixels."""
    records = make_image_records(shape=(40, 40, 3))
    manifest = reader.open_records(records, kind="image")

    def settings_for(minutes=10.0, clock=None, **flags):
        config = TrainConfig.preset(
            "best", backbone="resnet", weights="random", **flags
        ).on_records(records)
        return image_route.settings_for(
            config, manifest, records, clock or Clock(tmp_path, minutes)
        )

    return settings_for


def test_few_texts_have_the_presets_settings(settings_for):
    config = settings_for()
    assert (config.l2, config.upsample) == (0.1, 1)


def test_many_have_a_smaller_penalty_and_larger_images(
    settings_for, monkeypatch
):
    monkeypatch.setattr(image_route, "_FEW", 6)
    config = settings_for()
    assert config.l2 == pytest.approx(0.1 * 6 / 24)
    assert config.upsample == 2  # of ResNet's stride
    # A resumed run keeps to it, with as little time as is left.
    assert settings_for(minutes=1e-6) == config


def test_a_typed_size_of_the_images_stays(settings_for, monkeypatch):
    monkeypatch.setattr(image_route, "_FEW", 6)
    assert settings_for(upsample=3, l2=0.4).upsample == 3


def test_without_time_there_is_no_image_route(settings_for, monkeypatch):
    monkeypatch.setattr(image_route, "_FEW", 6)
    with pytest.raises(OutOfTimeError, match="24 train images"):
        settings_for(minutes=1e-6)


def test_without_time_for_large_images_they_stay_small(
    settings_for, monkeypatch, tmp_path
):
    monkeypatch.setattr(image_route, "_FEW", 6)
    lefts = iter([0.0, 1e6])  # asked for large images, then for small ones

    class Changing(Clock):
        left = property(lambda _: next(lefts, 1.0))

    assert settings_for(clock=Changing(tmp_path, 1.0)).upsample == 1
