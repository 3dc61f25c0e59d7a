"""Rows that cannot be used: counted, refused or dropped."""

import csv
import io

import pytest

from text2image.corpora import bad_rows, rows


def fault(number, cause=rows.EMPTY_TEXT, content="x"):
    place = f"a.csv, line {number}"
    return rows.Fault(place, cause, f"{place}: it is bad.", content)


def tally(*faults):
    result = bad_rows.Tally()
    for each in faults:
        result.add(each)
    return result


def test_without_faults_nothing_is_refused():
    tally().check("refuse", 0.05, 0)


def test_the_first_fault_the_counts_and_the_cure_are_named():
    faults = tally(fault(3), fault(5, rows.NO_LABEL), fault(6))
    with pytest.raises(ValueError, match="line 3: it is bad") as caught:
        faults.check("refuse", 0.05, 100)
    assert "2 empty text, 1 no label" in str(caught.value)
    assert "--bad_rows=drop leaves" in str(caught.value)
    faults.check("drop", 0.05, 100)


@pytest.mark.parametrize("number", [1, 3, 7, 19])
@pytest.mark.parametrize("policy", ["refuse", "drop"])
def test_the_share_that_the_error_names_suffices(policy, number):
    faults = tally(*map(fault, range(number)))
    with pytest.raises(ValueError, match="--max_bad_rows=") as caught:
        faults.check(policy, 0.0, 19)
    share = float(str(caught.value).split("--max_bad_rows=")[1].split()[0])
    faults.check("drop", share, 19)


def test_exactly_the_share_may_be_dropped():
    # 0.29 * 100 is below 29 in floating point.
    tally(*map(fault, range(29))).check("drop", 0.29, 100)


def test_more_than_the_share_is_not_dropped():
    faults = tally(fault(1), fault(2))
    faults.check("drop", 0.05, 40)
    with pytest.raises(ValueError, match=r"2 of 39 rows \(5\.1%\)"):
        faults.check("drop", 0.05, 39)


def test_only_the_first_ten_are_remembered():
    faults = tally(*map(fault, range(25)))
    assert [each.place for each in faults.first] == [
        f"a.csv, line {n}" for n in range(10)
    ]
    assert faults.causes == {rows.EMPTY_TEXT: 25}


def test_dropped_rows_are_csv():
    stream = io.StringIO(newline="")
    write = bad_rows.writer_of_dropped(stream)
    write(fault(1, content='a, "b"\nc'))
    stream.seek(0)
    assert list(csv.reader(stream)) == [
        ["place", "cause", "content"],
        ["a.csv, line 1", "empty text", 'a, "b"\nc'],
    ]
