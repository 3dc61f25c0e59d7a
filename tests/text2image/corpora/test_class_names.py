"""Classes from labels: merged or left out only where the user says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2image.corpora import class_names


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("", {}),
        ("0:neg,4:pos", {"0": "neg", "4": "pos"}),
        (" 0 : neg , 4:pos ", {"0": "neg", "4": "pos"}),
        ("N/A:", {"N/A": ""}),
        ("nan:nan", {"nan": "nan"}),
        (r"a\:b:c\,d", {"a:b": "c,d"}),
        (r"a\\:b", {"a\\": "b"}),
        (r"C\D:x", {r"C\D": "x"}),
        (r"pos\u200b:pos", {"pos\u200b": "pos"}),
        (r"\U0001F600:smile", {"😀": "smile"}),
        ("a:b,a:b", {"a": "b"}),
    ],
)
def test_the_label_map_is_parsed(flag, expected):
    assert class_names.parse_map(flag) == expected


@pytest.mark.parametrize(
    "flag", ["pos", "0:neg,", ":neg", "a:b:c", "0=neg", ",", "a:b,a:c"]
)
def test_a_faulty_label_map_is_refused_by_its_flag(flag):
    with pytest.raises(ValueError, match="--label_map must"):
        class_names.parse_map(flag)


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda s: s.strip() == s),
        st.text().filter(lambda s: s.strip() == s),
        min_size=1,
        max_size=4,
    )
)
def test_any_label_can_be_typed(entries):
    flag = ",".join(
        f"{class_names.typed(label)}:{class_names.typed(name)}"
        for label, name in entries.items()
    )
    assert class_names.parse_map(flag) == entries


def classes(counts, flag="", *, merge=False, declared=None):
    return class_names.name_classes(
        counts, class_names.parse_map(flag), merge=merge, declared=declared
    )


def test_labels_are_the_names_of_their_classes():
    assert classes({"a": 1, "B": 2}) == {"a": "a", "B": "B"}


ALIKE = {"Positive": 7, "positive": 9, "neg\u200b": 3, "neg": 2, "other": 1}


def test_labels_that_look_alike_are_listed_with_the_cures():
    with pytest.raises(ValueError, match="look like one class") as caught:
        classes(ALIKE)
    message = str(caught.value)
    assert "'Positive' (7), 'positive' (9)" in message
    assert r"'neg' (2), 'neg\u200b' (3)" in message
    assert "other" not in message
    assert "--merge_labels" in message
    assert "--label_map='Positive:positive'" in message


def test_labels_that_look_alike_are_merged_under_the_most_frequent_spelling():
    assert classes(ALIKE, merge=True) == {
        "Positive": "positive",
        "positive": "positive",
        "neg\u200b": "neg\u200b",
        "neg": "neg\u200b",
        "other": "other",
    }


def test_of_equally_frequent_spellings_the_first_is_the_name():
    merged = classes({"pos": 2, "Pos": 2, "POS": 2, "neg": 1}, merge=True)
    assert merged["pos"] == "POS"


def test_the_map_decides_what_is_one_class():
    counts = {"1": 5, "1.0": 5, "0": 5, "0.0": 5}
    assert classes(counts, "1.0:1,0.0:0") == {
        "1": "1",
        "1.0": "1",
        "0": "0",
        "0.0": "0",
    }
    with pytest.raises(ValueError, match=r"'0' \(5\), '0\.0' \(5\)"):
        classes(counts, "1.0:1")


def test_labels_that_are_mapped_to_themselves_stay_apart():
    counts = {"US": 5, "us": 5}
    assert classes(counts, "US:US,us:us") == {"US": "US", "us": "us"}
    with pytest.raises(ValueError, match="look like one class"):
        classes(counts, "US:US")


def test_an_empty_name_leaves_rows_out():
    assert classes({"a": 2, "b": 2, "N/A": 1}, "N/A:")["N/A"] == ""


@pytest.mark.parametrize("word", sorted(class_names.MISSING_WORDS))
def test_a_missing_value_is_no_class_until_the_map_says_so(word):
    counts = {"a": 2, "b": 2, word: 1}
    with pytest.raises(ValueError, match="missing values") as caught:
        classes(counts)
    leave, keep = f"{word}:", f"{word}:{word}"
    assert f"'{leave}'" in str(caught.value)
    assert f"'{keep}'" in str(caught.value)
    assert classes(counts, leave)[word] == ""
    assert classes(counts, keep)[word] == word
    assert classes(counts, f"{word}:unknown")[word] == "unknown"


def test_words_for_nothing_that_pandas_reads_as_text_are_classes():
    counts = {"none": 1, "favor": 1, "neutral": 1}
    assert classes(counts) == {name: name for name in counts}


def test_names_that_the_source_declares_are_taken_as_meant():
    declared = ("None", "US", "us")
    counts = dict.fromkeys(declared, 2)
    expected = {name: name for name in declared}
    assert classes(counts, declared=declared) == expected
    assert class_names.look_alikes(declared) == [["US", "us"]]


def test_a_label_that_no_row_has_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'positve'.*mean 'positive'"):
        classes({"positive": 1, "negative": 1}, "positve:pos")
    with pytest.raises(ValueError, match=r"'POSITIVE'.*mean 'positive'"):
        classes({"positive": 1, "negative": 1}, "POSITIVE:pos")
    with pytest.raises(ValueError, match=r"Labels: 'a', 'b'$"):
        classes({"b": 1, "a": 1}, "zzz:pos")


def test_many_fractions_are_measurements_and_not_classes():
    with pytest.raises(ValueError, match="regression"):
        classes({f"{n / 10}": 5 for n in range(30)})
    with pytest.raises(ValueError, match="regression"):
        classes({"0.31": 1, "0.72": 1, "0.5": 1})


def test_a_few_fractions_and_any_number_of_whole_numbers_are_classes():
    stars = {f"{n / 2}": 9 for n in range(1, 11)}
    assert classes(stars) == {name: name for name in stars}
    whole = {f"{n}.0": 1 for n in range(50)}
    assert classes(whole) == {name: name for name in whole}
