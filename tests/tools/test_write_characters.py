"""The shipped facts are those of the installed tokenizers library."""

import json

import pytest

from tools import write_characters


@pytest.mark.slow
def test_the_file_is_up_to_date():
    shipped = json.loads(write_characters.FILE.read_text("utf-8"))
    assert json.loads(json.dumps(write_characters.facts())) == shipped
