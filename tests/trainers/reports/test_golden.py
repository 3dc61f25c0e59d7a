"""Every report and table, as Markdown of made-up results."""

import re

import pytest
import scipy.stats

from tests.golden.reports import make_reports, multimodal_inputs, text_inputs
from trainers.reports import run_report


def golden(name):
    return (make_reports.HERE / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", make_reports.REPORTS)
def test_a_report_is_the_golden_one(name):
    assert make_reports.REPORTS[name]() == golden(name)


def test_every_golden_report_is_still_made():
    names = {path.stem for path in make_reports.HERE.glob("*.md")}
    assert names - {"README"} == set(make_reports.REPORTS)


@pytest.mark.parametrize("name", make_reports.REPORTS)
def test_every_row_of_a_table_has_its_headers_columns(name):
    columns = 0
    for line in make_reports.REPORTS[name]().splitlines():
        if line.startswith("|"):
            count = len(re.findall(r"(?<!\\)\|", line))
            assert columns in (0, count), line
            columns = count
        else:
            columns = 0


@pytest.mark.parametrize(
    ("title", "only_row", "only_stacks"),
    [("ResNet50V2", 5, 0), ("VGG16", 8, 4)],
)
def test_p_values_of_table_one_are_scipys(title, only_row, only_stacks):
    (line,) = re.findall(rf"\| {title} \|.*", text_inputs.table())
    shown = line.split(" | ")[9]
    test = scipy.stats.binomtest(only_row, only_row + only_stacks)
    assert shown == f"{test.pvalue:.2g}"


def test_a_p_value_below_the_level_has_a_star():
    test = scipy.stats.binomtest(0, 9)
    assert f"| 1 | 1 | 0.4000 | {test.pvalue:.2g} * |" in text_inputs.table()


@pytest.mark.parametrize(
    ("modalities", "gain", "counts"),
    [
        ("image, title", "+42.50", [(10, 10), (7, 7)]),
        ("title, description", "-15.00", [(4, 10), (4, 12)]),
    ],
)
def test_p_values_of_fusions_are_scipys(modalities, gain, counts):
    text = multimodal_inputs.table()
    (line,) = re.findall(rf"\| [^|]* \| {modalities} \|.*", text)
    p_values = ", ".join(
        f"{scipy.stats.binomtest(*pair).pvalue:.2g}" for pair in counts
    )
    assert f": {gain}, p = {p_values} |" in line


def test_a_report_says_of_the_data_only_what_the_manifest_states():
    def run(details):
        return run_report.compose(
            text_inputs.RUN_CONFIG,
            text_inputs.RUN_METRICS,
            text_inputs.RUN_BASELINES,
            details=details,
            mistakes=text_inputs.MISTAKES,
        )

    paragraph = "Data: 1.2% of the tokens are unknown to the encoder.\n\n"
    text = run({"unknown_share": 0.0123})
    assert paragraph in text
    # Manifests that are older than the count.
    for older in ({}, {"unknown_share": None}):
        assert run(older) == text.replace(paragraph, "")
