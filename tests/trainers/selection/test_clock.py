"""The clock: what it decides once, it decides for good."""

import json

import pytest

from trainers.selection import clock


def test_decisions_and_seconds_outlive_the_process(tmp_path):
    first = clock.Clock(tmp_path, 10)
    assert first.decide("folds", lambda: 3) == 3
    with first.stage("tfidf"):
        pass
    again = clock.Clock(tmp_path, 10)
    assert again.decide("folds", lambda: pytest.fail("asked again")) == 3
    assert again.seconds == {"tfidf": 0.0}


def test_time_spent_before_a_kill_is_spent(tmp_path):
    content = {"decisions": {}, "seconds": {"tfidf": 500.0}}
    (tmp_path / clock.DECISIONS_FILE).write_text(json.dumps(content))
    assert clock.Clock(tmp_path, 10).left < 60
    assert clock.Clock(tmp_path, 1).left == 0


def test_damaged_decisions_are_refused_with_a_cure(tmp_path):
    (tmp_path / clock.DECISIONS_FILE).write_text("{")
    with pytest.raises(ValueError, match="Delete it"):
        clock.Clock(tmp_path, 10)
