"""The card of a run says what its metrics say."""

import json

import pytest

from trainers.reports import model_card
from trainers.runs import loading
from trainers.runs.file_list import FileList


@pytest.mark.slow
def test_the_card_holds_the_figures_and_is_listed(run_copy):
    config, metrics, _ = loading.read_run(run_copy)
    path = model_card.write(run_copy, config, metrics)
    text = path.read_text("utf-8")
    assert f"- Accuracy {metrics['accuracy']:.4f}, standard error" in text
    lines = text.splitlines()
    (row,) = [line for line in lines if line.startswith("| clåss 0")]
    confusion = metrics["confusion_matrix"]
    recall = confusion[0][0] / sum(confusion[0])
    precision = confusion[0][0] / max(1, confusion[0][0] + confusion[1][0])
    assert row == (
        f"| clåss 0 | {precision:.4f} | {recall:.4f} | {sum(confusion[0])} |"
    )
    assert "not known here" in text
    assert str(run_copy.parent) not in text
    content = path.read_bytes()
    model_card.write(run_copy, config, metrics)
    assert path.read_bytes() == content
    assert path.name in FileList.of_run(run_copy).read()
    path.write_text("another card")
    assert path.name in FileList.of_run(run_copy).faults()
    loading.read_run(run_copy)  # the run is valid without it
    assert json.loads((run_copy / "metrics.json").read_text()) == metrics
