"""Fusions against their best single modality, with hand-checked numbers."""

import json

import numpy as np
import pytest

from trainers.multimodal import comparisons, config, plan

NUM_SAMPLES = 50


def results(right):
    """Results of image, title and both: modalities to `(N,)` bool."""
    rows = plan.plan(
        config.MultimodalTrainConfig(), ["mobilenetv2"], 1, {"image", "title"}
    )
    return [
        comparisons.Result(
            row,
            [
                {
                    "accuracy": right[row.modalities].mean(),
                    "epochs": [{"train_accuracy": 0.99}],
                }
            ],
            [right[row.modalities]],
        )
        for row in rows
        if not row.modality_dropout
    ]


@pytest.mark.parametrize(("fused", "wins"), [(40, True), (22, False)])
def test_a_fusion_wins_beyond_chance_or_is_explained(fused, wins):
    image, title, both = (np.arange(NUM_SAMPLES) < n for n in (20, 10, fused))
    single, other, fusion = results(
        {
            ("image",): image,
            ("title",): title[::-1],
            ("image", "title"): both,
        }
    )
    everything = [single, other, fusion]
    assert comparisons.compare(single, everything) is None
    comparison = comparisons.compare(fusion, everything)
    assert comparison.best is single
    assert comparison.wins == wins
    assert comparison.gain == pytest.approx(2 * (fused - 20))
    assert comparison.any_right == pytest.approx(60)  # 20 and 10 of 50, apart
    # All differing samples go one way: twice the tail of as many coins.
    assert comparison.p_values == [
        pytest.approx(min(1, 2 * 0.5 ** (fused - 20)))
    ]
    sentence = comparisons.explain(fusion, comparison)
    assert f"does not beat image: {2 * (fused - 20):+.2f}" in sentence
    assert "title 20.00" in sentence
    assert "99.00 of the train split" in sentence


def test_a_fusion_that_is_worse_does_not_win_however_small_p_is():
    image, both = (np.arange(NUM_SAMPLES) < n for n in (40, 10))
    single, other, fusion = results(
        {("image",): image, ("title",): both, ("image", "title"): both}
    )
    comparison = comparisons.compare(fusion, [single, other, fusion])
    assert comparison.p_values[0] < 1e-6
    assert not comparison.wins


def write(directory, ids):
    """A finished training that is right about the first sample."""
    directory.mkdir(parents=True)
    lines = [f"{key},a,{'ab'[place > 0]}" for place, key in enumerate(ids)]
    (directory / "predictions.csv").write_text(
        "\n".join(["id,label,prediction", *lines])
    )
    (directory / "metrics.json").write_text(json.dumps({"accuracy": 1 / 3}))


def test_answers_are_compared_sample_by_sample(tmp_path):
    rows = plan.plan(config.MultimodalTrainConfig(), [], 2, {"title"})
    (row,) = rows
    first, second = row.directories(tmp_path)
    assert second == tmp_path / "texts-title" / "seed1"
    write(first, ["x", "y", "z"])
    write(second, ["z", "y", "x"])
    (result,) = comparisons.read_results(tmp_path, rows)
    np.testing.assert_array_equal(result.right[0], [True, False, False])
    np.testing.assert_array_equal(result.right[1], [False, False, True])


def test_trainings_on_different_samples_are_refused(tmp_path):
    rows = plan.plan(config.MultimodalTrainConfig(), [], 2, {"title"})
    first, second = rows[0].directories(tmp_path)
    write(first, ["x", "y", "z"])
    write(second, ["x", "y", "w"])
    with pytest.raises(ValueError, match=r"same samples.*2 are among the 3"):
        comparisons.read_results(tmp_path, rows)
