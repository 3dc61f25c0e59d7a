"""One word for one thing, everywhere: docs/design.md has the glossary."""

import re
import subprocess

import pytest

from tests.support.commands import ROOT

# Retired word, as a pattern, and what is said instead.
RETIRED = {
    r"\bpictures?\b": "image (tensors, records) or figure (matplotlib)",
    r"\bfrozen maps\b": "feature maps",
    r"\bgoing on behind\b|\bgoes on (from|where|behind)\b": "resumes after",
    r"\bstands? already\b|\bwhat stands\b": "exists",
    r"\blearnt by heart\b": "memorised, or overfitted",
    r"\b(a|each) text on average\b": "per text on average",
    r"\bso many (bytes|tokens|texts|rows)\b": "this many, or N",
    r"\bMENDABLE\b|\b_?[Yy]ounger\b|\bzygote\b|\b_?nasty\b|\brun_files\b": (
        "USER_ERRORS, added later, fork server, hostile, workdir"
    ),
    r"\bclass (Cell|Sample|Answer)\b": "Training or Row, CaptionedImage, "
    "Prediction",
    r"^from .* import .* as \w+_(lib)?$|^import .* as \w+_$": "the name itself",
}
# Keys of files on users' disks keep their names, and texts their words.
KEPT = re.compile(r"""picture_kept|small pictures|["']pictures?["']""")


def tracked_lines():
    names = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")[:-1]
    for name in names:
        path = ROOT / name
        if name.endswith((".py", ".md")) and path.is_file():
            if path.samefile(__file__) or name == "docs/design.md":
                continue
            for number, line in enumerate(
                path.read_text("utf-8").splitlines(), start=1
            ):
                yield f"{name}:{number}", line


@pytest.mark.parametrize("pattern", RETIRED)
def test_retired_words_stay_retired(pattern):
    retired = re.compile(pattern, re.IGNORECASE)
    places = [
        f"{place}: {line.strip()}"
        for place, line in tracked_lines()
        if retired.search(line) and not KEPT.search(line)
    ]
    assert not places, f"say {RETIRED[pattern]}"
