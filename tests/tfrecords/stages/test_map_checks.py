"""Map settings are held against the shape of the stacks."""

import pytest

from tfrecords.config import RecordsConfig
from tfrecords.stages import map_checks


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({"channels": "layers"}, (2, 64), "multiple of 3.*Received: 2 layers"),
        (
            {"image_height": 5, "image_width": 5, "assignment": "lsa"},
            (1, 26),
            "26 features for 5 x 5 pixels",
        ),
        ({"perplexity": 16.0}, (1, 16), r"--perplexity must be in \(0, 16\)"),
    ],
)
def test_settings_without_a_map_are_refused(settings, shape, message):
    with pytest.raises(ValueError, match=message):
        map_checks.check_map_settings(RecordsConfig(**settings), shape)


@pytest.mark.parametrize(
    ("typed", "features", "perplexity"),
    [(30.0, 16, 5.0), (30.0, 31, 30.0), (7.0, 16, 7.0), (30.0, 3, 1.0)],
)
def test_the_default_perplexity_adapts_to_few_features(
    typed, features, perplexity
):
    settings = RecordsConfig(perplexity=typed)
    assert map_checks.perplexity_for(settings, features) == perplexity
    map_checks.check_map_settings(settings, (1, features))
