"""fastText's lines."""

import pytest

from tests.support.row_files import guesses, read, write
from text2image.corpora.rows import NOT_A_ROW

CONTENT = "__label__pos A good film\n\n__label__2\tNot bad, not good\n"
EXPECTED = [("A good film", "pos"), ("Not bad, not good", "2")]


@pytest.mark.parametrize(
    "name", ["a.txt", "cooking.train", "cooking.valid", "a.ft", "reviews"]
)
def test_lines_with_a_label_are_read(tmp_path, name):
    path = write(tmp_path / name, CONTENT)
    assert read(path) == EXPECTED
    assert "lines of __label__CLASS text" in guesses(path)


def test_several_labels_are_refused_in_one_sentence(tmp_path):
    path = write(tmp_path / "a.txt", CONTENT + "__label__a __label__b x\n")
    with pytest.raises(ValueError, match=r"line 4: .*'a', 'b'.*multi-label"):
        read(path)


def test_a_line_without_a_label_is_a_fault(tmp_path):
    assert read(write(tmp_path / "a.txt", CONTENT + "text\n")) == [
        *EXPECTED,
        NOT_A_ROW,
    ]
