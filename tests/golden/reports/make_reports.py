"""Writes every report of made-up results as a golden Markdown file.

    PYTHONPATH=. python tests/golden/reports/make_reports.py

Read the difference before you commit it: the numbers can be checked by hand
from the dictionaries in `*_inputs.py`.
"""

import pathlib

from tests.golden.reports import (
    explanation_inputs,
    im2vec_inputs,
    multimodal_inputs,
    text_inputs,
)

HERE = pathlib.Path(__file__).parent
# Name of the golden file to the function that composes its text.
REPORTS = {
    **text_inputs.REPORTS,
    **multimodal_inputs.REPORTS,
    **im2vec_inputs.REPORTS,
    **explanation_inputs.REPORTS,
}

if __name__ == "__main__":
    for path in HERE.glob("*.md"):
        if path.name != "README.md":
            path.unlink()
    for name, compose in REPORTS.items():
        (HERE / f"{name}.md").write_text(compose(), "utf-8")
