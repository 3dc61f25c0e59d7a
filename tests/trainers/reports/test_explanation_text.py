"""explanations.md says which targets are met and which are missed."""

import copy

import pytest

from tests.golden.reports.explanation_inputs import RESULT
from tests.golden.reports.text_inputs import (
    MISTAKES,
    RUN_BASELINES,
    RUN_CONFIG,
    RUN_METRICS,
)
from trainers.reports import explanation_text, run_report


def verdicts(change):
    result = copy.deepcopy(RESULT)
    change(result)
    text = explanation_text.compose(result, [], [])
    lines = [line for line in text.splitlines() if line.startswith("- M")]
    return [line.split(":")[0].removeprefix("- ") for line in lines], text


def test_the_share_of_occlusions_gain_on_random_order_is_stated():
    met, text = verdicts(lambda result: None)
    # (2.0 - 0.1) / (2.1 - 0.1) and (1.0 + 1.2) / (1.0 + 1.0).
    assert "95% in comprehensiveness, 110% in sufficiency" in text
    assert met == ["Met"] * 4


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, lambda r: r["words"]["random"]["sufficiency"].update(mean=-1.3)),
        (
            0,
            lambda r: r["words"]["integrated gradients"][
                "comprehensiveness"
            ].update(p_value=0.01),
        ),
        (
            1,
            lambda r: r["words"]["occlusion"]["comprehensiveness"].update(
                mean=2.5
            ),
        ),
        (2, lambda r: r["completeness"]["pixels"].update(within=0.94)),
        (3, lambda r: r["cascade"].update(head=[0.75, 0.5])),
    ],
)
def test_a_target_that_is_missed_is_said_to_be(place, change):
    met, _ = verdicts(change)
    assert met[place] == "Missed"


def test_a_gain_that_occlusion_has_not_is_not_reached():
    met, text = verdicts(
        lambda r: r["words"]["occlusion"]["sufficiency"].update(mean=9.0)
    )
    assert met[1] == "Missed"
    assert "95% in comprehensiveness, - (it gains nothing) in suff" in text


def test_report_md_ends_with_the_line_that_explanations_add():
    arguments = (RUN_CONFIG, RUN_METRICS, RUN_BASELINES)
    alone = run_report.compose(*arguments, mistakes=MISTAKES)
    linked = run_report.compose(
        *arguments, mistakes=MISTAKES, has_explanations=True
    )
    assert linked == f"{alone}\n{explanation_text.LINK}\n"
