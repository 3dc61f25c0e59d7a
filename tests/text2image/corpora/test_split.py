"""Splits: whole groups of equal texts, exact shares, exact limits."""

import collections
import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2image import options
from text2image.corpora import split
from text2image.corpora.classes import Selection
from text2image.corpora.examples import Corpus, Example
from text2image.corpora.folding import fold
from text2image.corpora.rows import EMPTY_TEXT, Fault
from text2image.corpora.texts import DEMO, open_corpus


def make(parts, *, name="made", label_names=None):
    """A corpus of `{part: [(text, label), ...]}`."""

    def part(key, rows):
        return lambda: (
            Example(f"{key}-{i}", text, label)
            for i, (text, label) in enumerate(rows)
        )

    return Corpus(
        name=name,
        parts={key: part(key, rows) for key, rows in parts.items()},
        label_names=label_names,
        sha256="0" * 64,
    )


def rows(count, labels=("neg", "pos"), start=0):
    return [
        (f"text {i}", labels[i % len(labels)])
        for i in range(start, start + count)
    ]


def sides(parts, result):
    """Folded texts and labels of each side."""
    flat = [row for part in parts.values() for row in part]
    return {
        side: [
            (fold(text), label)
            for (text, label), at in zip(flat, result.side, strict=True)
            if at == side
        ]
        for side in (split.TRAIN, split.VALIDATION, split.UNUSED)
    }


def assert_nothing_across(parts, result):
    texts = {
        side: {text for text, _ in texts}
        for side, texts in sides(parts, result).items()
    }
    assert not texts[split.TRAIN] & texts[split.VALIDATION]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a b", "A  B", True),
        ("a b", " a\n\tb ", True),
        ("a b", "a\xa0b", True),
        ("straße", "STRASSE", True),
        ("a b", "ab", False),
        ("café", "cafe", False),
        ("a b", "a b.", False),
    ],
)
def test_folding_ignores_only_case_and_white_space(one, other, equal):
    assert (fold(one) == fold(other)) == equal


VARIANTS = (
    str,
    str.upper,
    lambda t: f"  {t}\n",
    lambda t: t.replace(" ", "\t"),
)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_copies_never_end_up_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    pairs = rows(2000)
    # Most twins agree on the label; some do not.
    for i in range(1000):
        text, label = pairs[i]
        label = label if rng.random() < 0.95 else "pos"
        pairs.append((VARIANTS[i % 4](text), label))
    parts = {"train": [pairs[i] for i in rng.permutation(3000)]}
    result = split.split_corpus(make(parts), seed=seed)
    assert_nothing_across(parts, result)
    assert result.audit["repeats"]["all"] == 1000
    counted = collections.Counter(result.side.tolist())
    # Stratified: each class may miss its share by the few twins of
    # contradicting labels.
    assert abs(counted[split.VALIDATION] - 600) <= 60


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.integers(0, 40), min_size=60, max_size=120),
    cut=st.integers(1, 59),
    protocol=st.sampled_from(options.SPLIT_PROTOCOLS),
    seed=st.integers(0, 5),
)
def test_no_text_is_on_two_sides_whatever_its_copies(
    texts, cut, protocol, seed
):
    pairs = [(f"t {t}", ("neg", "pos")[t % 2]) for t in texts]
    pairs += rows(40, start=100)
    parts = {"train": pairs[:cut] + pairs[60:], "test": pairs[cut:60]}
    parts["test"] += rows(4, start=200)
    result = split.split_corpus(make(parts), protocol=protocol, seed=seed)
    assert_nothing_across(parts, result)
    assert len(result.side) == len(pairs) + 4


@pytest.mark.parametrize("labels", [("neg", "pos"), ("a", "b", "c", "d")])
@pytest.mark.parametrize("count", [40, 100, 1000])
def test_pooled_holds_out_20_percent_of_every_class(count, labels):
    parts = {"train": rows(count, labels), "test": rows(count, labels, count)}
    result = split.split_corpus(make(parts))
    per_class = 2 * count // len(labels)
    assert set(result.audit["validation"].values()) == {round(per_class / 5)}
    assert set(result.audit["train"].values()) == {
        per_class - round(per_class / 5)
    }
    assert result.audit["left_out"] == 0


def test_the_pooled_share_is_exact_despite_copies():
    pairs = rows(900) + [(t.upper(), label) for t, label in rows(100)]
    result = split.split_corpus(make({"train": pairs}))
    assert result.audit["validation"] == {"neg": 100, "pos": 100}
    assert_nothing_across({"train": pairs}, result)


@pytest.mark.parametrize("seed", range(8))
def test_the_pooled_share_is_exact_despite_large_groups_of_copies(seed):
    pairs = [(f"t {i // 7}", ("neg", "pos")[i // 7 % 2]) for i in range(280)]
    pairs += rows(120, start=500)
    result = split.split_corpus(make({"train": pairs}), seed=seed)
    assert result.audit["validation"] == {"neg": 40, "pos": 40}


def test_largest_remainders_fill_a_limit():
    parts = {
        "train": rows(61, ("neg",)) + rows(39, ("pos",), start=100),
        "test": rows(10, start=200),
    }
    audit = split.split_corpus(
        make(parts), protocol="official", limit_train=4
    ).audit
    assert audit["train"] == {"neg": 2, "pos": 2}  # of 2.44 and 1.56


def test_unbalanced_classes_keep_their_shares():
    pairs = [
        (f"t {i}", "rare" if i % 100 == 0 else "common") for i in range(5000)
    ]
    result = split.split_corpus(make({"train": pairs}))
    assert result.audit["validation"] == {"common": 990, "rare": 10}


def test_the_seed_alone_decides_the_split():
    parts = {"train": rows(200)}
    one, again, other = (
        split.split_corpus(make(parts), seed=seed).side for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_official_keeps_the_validation_part_whole():
    parts = {
        "train": [*rows(20), ("Shared  one", "pos")],
        "test": [*rows(10, start=50), ("shared ONE", "pos")],
    }
    result = split.split_corpus(make(parts), protocol="official")
    assert (result.side[21:] == split.VALIDATION).all()
    assert (result.side[:20] == split.TRAIN).all()
    assert result.side[20] == split.UNUSED
    assert result.audit["left_out"] == 1


def test_official_with_three_parts_does_not_use_the_test_part():
    parts = {
        "train": rows(10),
        "validation": rows(6, start=20),
        "test": rows(4, start=40),
    }
    result = split.split_corpus(make(parts), protocol="official")
    np.testing.assert_array_equal(
        result.side,
        [split.TRAIN] * 10 + [split.VALIDATION] * 6 + [split.UNUSED] * 4,
    )


@pytest.mark.parametrize("protocol", options.SPLIT_PROTOCOLS)
def test_the_demo_always_uses_its_own_split(protocol):
    opened = open_corpus(DEMO)
    sizes = [len(list(part())) for part in opened.parts.values()]
    result = split.split_corpus(opened, protocol=protocol)
    assert (result.side[: sizes[0]] != split.VALIDATION).all()
    assert (result.side[sizes[0] :] == split.VALIDATION).all()


def test_a_file_named_demo_is_split_like_any_other(tmp_path):
    path = tmp_path / "demo.csv"
    lines = [f"text {n},{'ab'[n % 2]}\n" for n in range(20)]
    path.write_text("text,label\n" + "".join(lines))
    result = split.split_corpus(open_corpus(str(path)))
    assert (result.side == split.VALIDATION).sum() == 4


@pytest.mark.parametrize("limit", [3, 7, 10, 50, 63])
def test_limits_are_exact_and_stratified(limit):
    labels = ("a", "b", "c")
    parts = {"train": rows(600, labels)}
    result = split.split_corpus(
        make(parts), limit_train=limit, limit_validation=limit
    )
    for name in ("train", "validation"):
        counts = result.audit[name].values()
        assert sum(counts) == limit
        assert max(counts) - min(counts) <= 1
    assert result.audit["left_out"] == 600 - 2 * limit
    assert_nothing_across(parts, result)


def test_limits_above_the_size_change_nothing():
    result = split.split_corpus(
        make({"train": rows(100)}), limit_train=10**6, limit_validation=20
    )
    assert result.audit["left_out"] == 0


def test_limited_examples_stay_on_their_side():
    whole = split.split_corpus(make({"train": rows(300)})).side
    few = split.split_corpus(
        make({"train": rows(300)}), limit_train=20, limit_validation=10
    ).side
    kept = few != split.UNUSED
    np.testing.assert_array_equal(few[kept], whole[kept])


def test_the_audit_counts_copies_within_and_across_parts():
    parts = {
        "train": [*rows(20), ("TEXT 0", "neg"), ("text  0", "neg")],
        "test": [*rows(10, start=50), ("text 50", "neg"), ("text 1", "pos")],
    }
    audit = split.split_corpus(make(parts)).audit
    assert audit["num_examples"] == 34
    assert audit["repeats"] == {
        "all": 4,
        "within_train": 2,
        "within_test": 1,
        "across_parts": 1,
    }


def test_classes_of_files_are_in_alphabetical_order():
    pairs = [(f"t {i}", ("pos", "neg", "mid")[i % 3]) for i in range(60)]
    result = split.split_corpus(make({"train": pairs}))
    assert result.label_names == ("mid", "neg", "pos")


def test_class_names_of_a_corpus_keep_their_order():
    result = split.split_corpus(
        make({"train": rows(60)}, label_names=("pos", "neg"))
    )
    assert result.label_names == ("pos", "neg")


def test_the_order_of_examples_does_not_change_the_order_of_classes():
    pairs = [(f"t {i}", "zebra" if i < 70 else "ant") for i in range(100)]
    audit = split.split_corpus(make({"train": pairs})).audit
    assert audit["validation"] == {"ant": 6, "zebra": 14}


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ({"train": rows(9, ("pos",))}, {}, r"two classes.*\['pos'\] in 9"),
        ({"train": []}, {}, r"two classes.*\[\] in 0 examples of made"),
        ({"train": rows(3)}, {}, "Every class needs examples in validation"),
        ({"train": rows(40)}, {"limit_train": 1}, "examples in train"),
        (
            {"train": rows(40)},
            {"limit_validation": 1},
            "examples in validation",
        ),
        ({"train": rows(40)}, {"protocol": "fair"}, "--split must be one of"),
        (
            {"train": rows(40)},
            {"protocol": "official"},
            "--split=pooled",
        ),
        (
            {"train": rows(20), "test": rows(20)},
            {"protocol": "official"},
            "Every class needs examples in train",
        ),
    ],
)
def test_impossible_splits_are_refused(parts, options, message):
    with pytest.raises(ValueError, match=message):
        split.split_corpus(make(parts), **options)


def test_a_declared_class_without_examples_is_dropped_and_named():
    names = ("neg", "neutral", "pos")
    result = split.split_corpus(make({"train": rows(40)}, label_names=names))
    assert result.label_names == ("neg", "pos")
    assert result.label_index == {"neg": 0, "pos": 1}
    assert result.audit["empty_classes"] == ["neutral"]


def test_unlabelled_rows_are_counted_and_left_out():
    parts = {
        "train": [("open 1", None), *rows(40), ("open 2", None)],
        "test": [("open 3", None)],
    }
    result = split.split_corpus(make(parts))
    assert result.audit["unlabelled"] == {"train": 2, "test": 1}
    assert result.audit["num_examples"] == 40
    assert result.audit["left_out"] == 0
    assert result.side[[0, 41, 42]].tolist() == [split.UNUSED] * 3
    labelled = split.split_corpus(make({"train": rows(40), "test": []}))
    np.testing.assert_array_equal(result.side[1:41], labelled.side)


def test_official_cannot_validate_on_an_unlabelled_part():
    parts = {"train": rows(40), "test": [(f"open {n}", None) for n in "ab"]}
    with pytest.raises(ValueError, match=r"\['test'\].*--split=pooled"):
        split.split_corpus(make(parts), protocol="official")
    parts["validation"] = rows(10, start=100)
    result = split.split_corpus(make(parts), protocol="official")
    assert (result.side[42:] == split.VALIDATION).all()
    assert (result.side[40:42] == split.UNUSED).all()


def test_official_validates_on_the_part_that_has_labels():
    parts = {
        "train": rows(40),
        "validation": [("open", None)],
        "test": rows(10, start=100),
    }
    result = split.split_corpus(make(parts), protocol="official")
    assert (result.side[41:] == split.VALIDATION).all()


def with_faults(pairs, *at):
    """A corpus of one part, with faults in place of the rows `at`."""
    fault = Fault("a.csv, line 9", EMPTY_TEXT, "line 9: it is bad.", "")
    items = [Example(str(i), *pair) for i, pair in enumerate(pairs)]
    for row in at:
        items[row] = fault
    source = make({"train": []})
    return dataclasses.replace(source, parts={"train": lambda: iter(items)})


def test_a_fault_is_refused_unless_bad_rows_are_dropped():
    source = with_faults(rows(100), 3, 50)
    with pytest.raises(ValueError, match=r"it is bad\. Of 100 rows, 2 cannot"):
        split.split_corpus(source)
    result = split.split_corpus(source, selection=Selection(bad_rows="drop"))
    assert result.audit["num_examples"] == 98
    assert result.audit["dropped"] == {EMPTY_TEXT: 2}
    assert result.faults.causes == {EMPTY_TEXT: 2}
    assert (result.side[[3, 50]] == split.UNUSED).all()
    others = np.delete(np.arange(100), [3, 50])
    assert (result.side[others] != split.UNUSED).all()


def test_too_many_faults_are_refused_even_if_bad_rows_are_dropped():
    source = with_faults(rows(100), *range(6))
    with pytest.raises(ValueError, match=r"6 empty text.*--max_bad_rows=0\.06"):
        split.split_corpus(source, selection=Selection(bad_rows="drop"))


def test_labels_are_mapped_and_merged_and_left_out():
    labels = ("Pos", "pos", "pos", "0", "0", "nan")
    source = make({"train": rows(120, labels)})
    selection = Selection(label_map="0:neg,nan:", merge_labels=True)
    result = split.split_corpus(source, selection=selection)
    assert result.label_names == ("neg", "pos")
    assert result.label_index == {"Pos": 1, "pos": 1, "0": 0}
    assert result.audit["merged"] == {"Pos": "pos"}
    assert result.audit["unlabelled"] == {"train": 20}
    assert result.audit["train"] == {"neg": 32, "pos": 48}
    assert (result.side[5::6] == split.UNUSED).all()


def test_declared_classes_keep_their_order_under_a_map():
    names = ("z", "y", "x")
    source = make({"train": rows(60, names)}, label_names=names)
    result = split.split_corpus(source, selection=Selection("y:a"))
    assert result.label_names == ("z", "a", "x")
    merged = split.split_corpus(source, selection=Selection("y:z"))
    assert merged.label_names == ("z", "x")
    assert merged.audit["empty_classes"] == []
    assert merged.label_index == {"z": 0, "y": 0, "x": 1}


def test_declared_classes_that_look_alike_are_kept_and_named():
    names = ("US", "us", "None")
    source = make({"train": rows(60, names)}, label_names=names)
    result = split.split_corpus(source)
    assert result.label_names == names
    assert result.audit["alike_classes"] == [["US", "us"]]


def test_small_classes_are_left_out_and_counted():
    pairs = [*rows(40), ("r 1", "rare"), ("r 2", "rare"), ("s", "solo")]
    source = make({"train": pairs})
    with pytest.raises(ValueError, match="needs examples in valid") as caught:
        split.split_corpus(source)
    assert "'rare' (2), 'solo' (1)." in str(caught.value)
    for flag in ("--min_class_size=3", "--label_map='rare:NAME'"):
        assert flag in str(caught.value)
    result = split.split_corpus(source, selection=Selection(min_class_size=3))
    assert result.label_names == ("neg", "pos")
    assert result.audit["small_classes"] == {"rare": 2, "solo": 1}
    assert (result.side[40:] == split.UNUSED).all()
    with pytest.raises(ValueError, match=r"two classes.*min_class_size=21"):
        split.split_corpus(source, selection=Selection(min_class_size=21))


def test_the_error_for_small_classes_lists_ten_of_four_hundred():
    pairs = rows(40) + [(f"t {n}", f"c{n:03}") for n in range(400)]
    with pytest.raises(ValueError, match="and 390 more") as caught:
        split.split_corpus(make({"train": pairs}))
    assert "c009" in str(caught.value)
    assert "c010" not in str(caught.value)
    assert "--label_key" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ({"limit_validation": 1}, "a larger --limit_validation"),
        ({"protocol": "official"}, "--split=pooled"),
        ({"shares": {split.VALIDATION: 0.05}}, "--min_class_size"),
        ({"shares": {split.VALIDATION: 0.5, split.TEST: 0.05}}, "--held_out"),
    ],
)
def test_the_error_for_a_missing_class_names_the_flag_that_helps(options, cure):
    pairs = rows(40) + [(f"rare {n}", "c") for n in range(5)]
    parts = {"train": pairs, "test": rows(9, start=50)}
    with pytest.raises(ValueError, match="Every class needs examples") as error:
        split.split_corpus(make(parts), **options)
    assert cure in str(error.value)


@pytest.mark.parametrize("size", [3, 4, 7, 20])
@pytest.mark.parametrize("copies", [False, True])
def test_the_held_out_that_an_error_names_works(size, copies):
    pairs = rows(80) + [(f"rare {n}", "c") for n in range(size)]
    if copies and size > 4:
        pairs[-1] = (pairs[-2][0], "c")
    source = make({"train": pairs})

    def halves(held_out):
        return {split.VALIDATION: held_out / 2, split.TEST: held_out / 2}

    for fails in (0.04, 0.98):
        with pytest.raises(ValueError, match="Every class needs") as error:
            split.split_corpus(source, shares=halves(fails))
        (cure,) = re.findall(r"--held_out=([\d.]+),", str(error.value))
        audit = split.split_corpus(source, shares=halves(float(cure))).audit
        for side in split.SIDES:
            assert audit[side]["c"] >= 1


def test_no_held_out_is_named_where_a_class_has_too_few_examples():
    pairs = [*rows(80), ("rare 1", "c"), ("rare 2", "c")]
    shares = {split.VALIDATION: 0.02, split.TEST: 0.02}
    with pytest.raises(ValueError, match="Every class needs") as error:
        split.split_corpus(make({"train": pairs}), shares=shares)
    assert "--held_out" not in str(error.value)
    assert "--min_class_size=3" in str(error.value)


def test_contradicting_labels_are_counted_and_the_first_is_shown():
    pairs = [
        *rows(40),
        ("Text  0", "pos"),  # text 0 is neg
        ("TEXT 1", "pos"),  # agrees
        ("text 2", "pos"),
        ("text 2", "neg"),
    ]
    audit = split.split_corpus(make({"train": pairs})).audit
    assert audit["contradictions"] == {
        "texts": 2,
        "rows": 5,
        "first": {
            "text": "text 0",
            "ids": ["train-0", "train-40"],
            "labels": ["neg", "pos"],
        },
    }


def test_labels_that_become_one_class_do_not_contradict():
    pairs = [*rows(40), ("text 0", "NEG")]
    result = split.split_corpus(
        make({"train": pairs}), selection=Selection(merge_labels=True)
    )
    assert result.audit["contradictions"] == {"texts": 0, "rows": 0}


def test_a_long_contradicting_text_is_shortened():
    pairs = [*rows(40), ("x" * 500, "pos"), ("x" * 500, "neg")]
    audit = split.split_corpus(make({"train": pairs})).audit
    assert audit["contradictions"]["first"]["text"] == "x" * 80 + "…"


@pytest.fixture(scope="module")
def imdb(shared_data):
    return open_corpus("imdb_reviews", data_dir=str(shared_data / "tfds"))


@pytest.mark.slow
def test_imdb_pooled_is_40k_to_10k_with_418_repeats(imdb):
    result = split.split_corpus(imdb)
    assert result.audit["num_examples"] == 50_000
    assert result.audit["repeats"] == {
        "all": 418,
        "within_train": 96,
        "within_test": 199,
        "across_parts": 123,
    }
    assert result.audit["train"] == {"neg": 20_000, "pos": 20_000}
    assert result.audit["validation"] == {"neg": 5_000, "pos": 5_000}
    texts = {split.TRAIN: set(), split.VALIDATION: set()}
    flat = (e for part in imdb.parts.values() for e in part())
    for example, side in zip(flat, result.side, strict=True):
        texts[int(side)].add(fold(example.text))
    assert not texts[split.TRAIN] & texts[split.VALIDATION]


@pytest.mark.slow
def test_imdb_official_validates_on_all_25k(imdb):
    result = split.split_corpus(imdb, protocol="official")
    assert result.audit["validation"] == {"neg": 12_500, "pos": 12_500}
    # 123 test texts also stand in train, some of them twice there.
    assert (
        sum(result.audit["train"].values())
        == 25_000 - (result.audit["left_out"])
    )
    assert 123 <= result.audit["left_out"] < 150
