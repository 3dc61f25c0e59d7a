"""A run's explanations.md with its files, and the flags that ask for it."""

import csv
import json

import numpy as np
import pytest

from tests.support import commands
from trainers import explain
from trainers.explanations.validation_texts import LabelledText
from trainers.runs import file_list, loading


@pytest.mark.slow
def test_a_report_is_written_listed_and_linked(trained, run_copy):
    from trainers.reports import explanation_report, explanation_text

    run = loading.load_run(run_copy)
    weights = [np.array(weight) for weight in run.model.weights]
    texts = [
        LabelledText(key, text, run.origin.label_names[number % 2])
        for number, (key, text) in enumerate(trained[2].texts.items())
    ][:6]
    dull = [LabelledText("1", "Dull.", run.origin.label_names[0])]
    with pytest.raises(ValueError, match="Received: 1, all shorter"):
        explanation_report.explain_texts(run, dull)
    (run_copy / "report.md").write_text("# A report\n", "utf-8")
    path = explanation_report.explain_texts(run, texts)
    text = path.read_text("utf-8")
    linked = (run_copy / "report.md").read_text("utf-8")
    assert linked == f"# A report\n\n{explanation_text.LINK}\n"
    for before, weight in zip(weights, run.model.weights, strict=True):
        np.testing.assert_array_equal(weight, before)
    names = {path.name for path in run_copy.iterdir()}
    shown = {name for name in names if f"]({name})" in text}
    assert {"contributions.png", "pixel_curves.png"} < shown
    listed = file_list.FileList.of_run(run_copy)
    expected = {path.name, "faithfulness.json", "features.csv", *shown}
    assert expected <= listed.read().keys()
    assert not listed.faults(hash_all=True)
    result = json.loads((run_copy / "faithfulness.json").read_text())
    assert result["num_texts"] == 6
    # Of a linear readout, deleting pixels in their order is the best order.
    pixels = result["pixels"]
    for measure, sign in (("deletion", 1), ("insertion", -1)):
        ours, other = (
            sign * pixels[name][measure]["mean"]
            for name in ("integrated gradients", "random")
        )
        assert ours < other
    with (run_copy / "features.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sizes = [float(row["mean_size"]) for row in rows]
    assert len(rows) == 3 * 16
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir=RUN", "--report", "a text"], "no texts with --report"),
        (["--report"], "no --workdir"),
        (["--workdir=RUN", "--num_texts=5", "a text"], "--num_texts would"),
        (["--workdir=RUN", "--report", "--file=a.csv"], "--file would have"),
        (["--workdir=RUN", "--report", "--method=occlusion"], "--method would"),
        (["--export_dir=DIR", "--report"], "--export_dir would have no"),
    ],
)
def test_flags_that_a_report_does_not_take_are_refused(
    arguments, message, capsys
):
    assert commands.exit_code(explain.main, arguments) in (1, 2)
    assert message in capsys.readouterr().err
