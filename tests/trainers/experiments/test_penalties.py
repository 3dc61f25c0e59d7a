"""The penalty by cross-validation, the same for every method."""

import numpy as np
import pytest

from trainers.experiments import penalties

PENALTIES = (1.0, 2.0, 3.0)


def _recorder(labels, best):
    """A fit that is right about rows it has not seen, best at one penalty."""
    calls = []

    def fit(kept, held, penalty):
        calls.append((set(kept.tolist()), set(held.tolist()), penalty))
        certain = 0.9 if penalty == best else 0.6
        probabilities = np.full((len(held), 2), 1 - certain)
        probabilities[np.arange(len(held)), labels[held]] = certain
        return probabilities

    return fit, calls


@pytest.mark.parametrize("best", PENALTIES)
@pytest.mark.parametrize(("count", "folds"), [(12, 3), (999, 3), (1000, 1)])
def test_the_penalty_with_the_least_loss_is_chosen(count, folds, best):
    labels = np.arange(count) % 2
    fit, calls = _recorder(labels, best)
    assert penalties.choose(fit, PENALTIES, labels) == best
    assert len(calls) == folds * len(PENALTIES)
    for kept, held, _ in calls:
        assert not kept & held
        assert len(kept | held) == count
        assert abs(sum(labels[row] for row in held) - len(held) / 2) <= 1


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 3]])
def test_too_few_texts_take_the_penalty_in_the_middle(labels):
    def fit(kept, held, penalty):
        raise AssertionError("nothing can be held out")

    assert penalties.choose(fit, PENALTIES, np.array(labels)) == 2.0
