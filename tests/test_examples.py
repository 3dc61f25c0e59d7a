"""The notebook runs from its first cell to its last, and says what it said."""

import json
import os
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.commands import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


def outputs_of(notebook, kind):
    return [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == kind
    ]


@pytest.mark.slow
def test_the_quickstart_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    text = "".join(o.text for o in outputs_of(notebook, "stream"))
    (file,) = tmp_path.glob("quickstart/runs/*/metrics.json")
    metrics = json.loads(file.read_text())
    # The accuracy that is shown is the run's, whatever the processor.
    assert f"accuracy {metrics['accuracy']:.4f}" in text
    assert "A gripping film." in text
    assert (tmp_path / "film_reviews/report.md").is_file()
    assert any(
        "image/png" in output.data
        for output in outputs_of(notebook, "display_data")
    )


def test_the_notebook_shows_no_path_of_a_machine():
    content = NOTEBOOK.read_text("utf-8")
    assert str(pathlib.Path.home()) + os.sep not in content
    assert "Traceback" not in content
