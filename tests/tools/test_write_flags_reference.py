"""The page of flags says what the programs say."""

from tools import write_flags_reference


def test_the_page_is_current():
    # If this fails: python -m tools.write_flags_reference
    written = write_flags_reference.PAGE.read_text("utf-8")
    assert written == write_flags_reference.page()


def test_every_flag_has_a_row():
    page = write_flags_reference.page()
    for flag in ("--backbone", "--perplexity", "--held_out", "--inverse"):
        assert f"| `{flag}` |" in page
