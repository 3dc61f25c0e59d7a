"""Delimited files of every dialect, against Python's csv and by hand."""

import csv
import io
import random

import pytest

from tests.support.row_files import guesses, read, write
from text2image.corpora import dialects
from text2image.corpora.rows import (
    NOT_A_ROW,
    TOO_FEW_FIELDS,
    TOO_MANY_FIELDS,
)

GOOD = [("good", "pos")]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_are_found(tmp_path, name, delimiter, end):
    rows = [("text", "label"), ('a, b; c | "d"', "pos"), ("two\nlines", "neg")]
    content = io.StringIO(newline="")
    csv.writer(
        content,
        delimiter=delimiter,
        lineterminator=end,
        quoting=csv.QUOTE_ALL,  # it leaves \n bare where lines end in \r
    ).writerows(rows)
    path = write(tmp_path / name, content.getvalue())
    assert read(path) == rows[1:]


def test_stray_quotes_of_a_table_with_tabs_join_no_lines(tmp_path):
    rows = [(f"text {number}", "pos") for number in range(9)]
    rows[2], rows[5] = ('"Best ever', "pos"), ('I have the 19"', "neg")
    content = "\n".join("\t".join(row) for row in [("text", "label"), *rows])
    path = write(tmp_path / "a.tsv", content)
    assert read(path) == rows
    assert "quotes without meaning; overrule with --delimiter" in guesses(path)
    joined = ("Best ever\tpos\ntext 3\tpos\ntext 4\tpos\nI have the 19", "neg")
    asked = read(path, quoting="double")
    assert asked == [*rows[:2], joined, *rows[6:]]


def test_random_tables_read_as_python_reads_them(tmp_path):
    rng = random.Random(0)
    alphabet = 'ab ,;|\t"\n\\é'
    for number in range(60):
        delimiter = rng.choice(",;|\t")
        rows = [
            ("".join(rng.choices(alphabet, k=8)) + "x", rng.choice("pq"))
            for _ in range(20)
        ]
        content = io.StringIO(newline="")
        writer = csv.writer(content, delimiter=delimiter)
        writer.writerows([("text", "label"), *rows])
        path = write(tmp_path / f"{number}.csv", content.getvalue())
        assert read(path) == rows, content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text;label\ngood;pos\n", GOOD),
        ("sep=;\ntext;label\ngood;pos\n", GOOD),
        ('"sep=;"\r\ntext;label\r\ngood;pos\r\n', GOOD),
        ("sep=\t\r\ntext\tlabel\r\ngood\tpos\r\n", GOOD),
        ("\ufeffsep=,\ntext,label\ngood,pos\n", GOOD),
        ("\n\ntext,label\ngood,pos\n", GOOD),
        (' Text , LABEL\n"good",pos\n', GOOD),
        ('"\ufefftext",label\ngood,pos\n', GOOD),
        ('text, label\n"good", "pos"\n', GOOD),
        ('label, text\npos, "a, b"\n', [("a, b", "pos")]),
        ('text,label\n"say \\"no\\"",neg\n', [('say "no"', "neg")]),
        ('text,label\n"\\"no\\", he said",neg\n', [('"no", he said', "neg")]),
        (
            'text,label\n"C:\\dir \\"x\\" \\\\",neg\n',
            [('C:\\dir "x" \\', "neg")],
        ),
        ('text,label\n"C:\\",neg\n', [("C:\\", "neg")]),
        ("label,text,,\npos,good,,\n", GOOD),
        (",text,label\n0,good,pos\n", GOOD),
        ("x,x,text,label\n1,2,good,pos\n", GOOD),
    ],
)
def test_the_first_lines_say_how_a_csv_is_read(tmp_path, content, expected):
    assert read(write(tmp_path / "a.csv", content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('text\tlabel\nsay "no"\tneg\n', [('say "no"', "neg")]),
        ('text\tlabel\n"No" he said\tneg\n', [('"No" he said', "neg")]),
        (
            'text\tlabel\n"stray\tneg\nfine\tpos\n',
            [('"stray', "neg"), ("fine", "pos")],
        ),
        (
            'id\tsentiment\treview\n"5_1"\t1\t"a \\"b\\" c"\n',
            [('a "b" c', "1")],
        ),
        ('text\tlabel\n"a ""b"""\tpos\n', [('a "b"', "pos")]),
    ],
)
def test_the_first_lines_say_how_a_tsv_is_quoted(tmp_path, content, expected):
    assert read(write(tmp_path / "a.tsv", content)) == expected


def test_suffixes_may_be_in_capitals(tmp_path):
    assert read(write(tmp_path / "A.CSV", "text,label\ngood,pos\n")) == GOOD
    assert read(write(tmp_path / "A.TSV", "text\tlabel\ngood\tpos\n")) == GOOD


def test_the_usual_dialect_is_kept_and_not_mentioned(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\na;b|c,pos\n")
    assert read(path) == [("a;b|c", "pos")]
    assert guesses(path) == ""


def test_a_guess_is_said_with_the_flags_that_overrule_it(tmp_path):
    path = write(tmp_path / "a.csv", "text;label\ngood;pos\n")
    assert guesses(path) == (
        "reading a.csv: delimiter semicolon; overrule with --delimiter "
        "--quoting"
    )


@pytest.mark.parametrize(
    ("name", "content", "flags", "expected"),
    [
        ("a.csv", "text;label\na;b\n", {"delimiter": "semicolon"}, ("a", "b")),
        ("a.csv", "text^label\na^b\n", {"delimiter": "^"}, ("a", "b")),
        ("a.txt", "text\tlabel\na\tb\n", {"delimiter": "tab"}, ("a", "b")),
        ("a.dat", "text|label\na|b\n", {"delimiter": "pipe"}, ("a", "b")),
        ("reviews", "text,label\na,b\n", {"delimiter": "comma"}, ("a", "b")),
        ("a.csv", 'text,label\n"a",b\n', {"quoting": "none"}, ('"a"', "b")),
        (
            "a.csv",
            'text,label\n"a\\\\",b\n',
            {"quoting": "backslash"},
            ("a\\", "b"),
        ),
        (
            "a.tsv",
            'text\tlabel\n"a\r"x\tb\n',
            {"quoting": "none"},
            ('"a\r"x', "b"),
        ),
    ],
)
def test_flags_overrule_the_guess(tmp_path, name, content, flags, expected):
    assert read(write(tmp_path / name, content), **flags) == [expected]


@pytest.mark.parametrize("delimiter", ["||", '"', "\n"])
def test_a_delimiter_that_cannot_be_is_refused(delimiter):
    with pytest.raises(ValueError, match="--delimiter must be one character"):
        dialects.delimiter_of(delimiter)


def test_two_delimiters_that_fit_are_refused_with_the_flag(tmp_path):
    path = write(tmp_path / "a.csv", "a;text|label\nb;good|pos\n")
    with pytest.raises(ValueError, match=r"';' or '\|'.*--delimiter"):
        read(path, text_key="text", label_key="a")


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("text,label\n" + "good,pos\n" * 9 + "good\n", [TOO_FEW_FIELDS]),
        ("text,label\n" + "good,pos\n" * 9 + "a,b,c\n", [TOO_MANY_FIELDS]),
        ("text;label\n" + "good;pos\n" * 9 + "a;b;c\n", [TOO_MANY_FIELDS]),
        ("text,label\n" + '"a, b",pos\n' * 9 + '"a" b,c\n', [NOT_A_ROW]),
        ("text,label\n" + '"a, b",pos\n' * 9 + '"no end\n', [NOT_A_ROW]),
    ],
)
def test_a_faulty_row_is_a_fault_and_the_others_are_read(
    tmp_path, content, faults
):
    items = read(write(tmp_path / "a.csv", content))
    assert len(items) == 10
    assert items[9:] == faults


def test_every_line_that_an_open_quote_hides_is_a_fault(tmp_path):
    lines = ["text,label", *["good,pos"] * 8, '"open,pos', *["good,neg"] * 5]
    path = write(tmp_path / "a.csv", "\n".join(lines))
    assert read(path) == [*GOOD * 8, *[NOT_A_ROW] * 6]


def test_a_row_after_a_faulty_one_is_read(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"a" b,x\ngood,pos\n')
    assert read(path) == [NOT_A_ROW, *GOOD]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("pos,A film of great beauty\nneg,Dull\n", "label,text"),
        ("1,A film\n0,Dull\n", "label,text"),
        ("pos," + "A long film. " * 20 + "\nneg,Dull\n", "label,text"),
        ("pos,x,A film\npos,y,Dull\n", "label,column2,text"),
    ],
)
def test_a_file_without_a_header_is_refused_with_the_cure(
    tmp_path, content, columns
):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError, match="--columns=") as caught:
        read(path)
    assert len(str(caught.value)) < 700
    given = read(path, columns=columns)
    assert len(given) == 2
    assert {label for _, label in given} <= {"pos", "neg", "1", "0"}


def test_columns_replace_a_header_and_say_so(tmp_path):
    path = write(tmp_path / "a.csv", "text,text,label\n7,good,pos\n")
    with pytest.raises(ValueError, match=r"2 columns named 'text'.*--columns"):
        read(path)
    assert read(path, columns="id,text,label") == GOOD
    assert "replaced by --columns" in guesses(path, columns="id,text,label")


def test_columns_must_be_as_many_as_the_fields(tmp_path):
    path = write(tmp_path / "a.csv", "pos,good\n")
    with pytest.raises(ValueError, match=r"names 3 columns.*has 2 fields"):
        read(path, columns="label,text,more")
    with pytest.raises(ValueError, match="must be different"):
        read(path, columns="text,text")


def test_unnamed_columns_with_values_are_left_out_and_said(tmp_path):
    path = write(tmp_path / "a.csv", "v1,v2,,\nham,a,b,\nspam,c,,\n")
    flags = {"text_key": "v2", "label_key": "v1"}
    assert read(path, **flags) == [("a", "ham"), ("c", "spam")]
    assert "hold values in 1 of the first 2 rows" in guesses(path, **flags)


def test_a_field_may_be_longer_than_the_sample(tmp_path):
    long = "x, y\n" * 500_000
    path = write(tmp_path / "a.csv", f'text,label\n"{long}",pos\nb,neg\n')
    assert read(path) == [(long, "pos"), ("b", "neg")]


def test_a_git_lfs_pointer_is_named(tmp_path):
    path = write(
        tmp_path / "a.csv", "version https://git-lfs.github.com/spec/v1\noid 1"
    )
    with pytest.raises(ValueError, match="git lfs pull"):
        read(path)


@pytest.mark.parametrize("name", ["a.xlsx", "a.txt", "a.log", "a"])
def test_a_file_of_another_kind_is_refused_with_a_cure(tmp_path, name):
    with pytest.raises(ValueError, match=r"Save it as CSV|--delimiter"):
        read(write(tmp_path / name, "text,label\na,b\n"))
