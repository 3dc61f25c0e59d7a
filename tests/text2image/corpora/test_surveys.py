"""Surveys and counts of ranges are, merged, what the index of a corpus says."""

import dataclasses
import functools
import json

import numpy as np
import pytest

from text2image.corpora import (
    classes,
    hashed,
    ranges,
    repeats,
    sides,
    split,
    surveyed,
    surveys,
    texts,
)
from text2image.corpora.classes import Selection
from text2image.corpora.rows import Reading

SEED = 3
DROP = Selection(bad_rows="drop", max_bad_rows=0.5)
TEST_TOO = {sides.VALIDATION: 0.2, sides.TEST: 0.2}


def write_part(path, count, distinct, rng):
    """Rows with repeats, contradictions, faults and unlabelled ones."""
    with path.open("w") as file:
        for number in rng.integers(0, distinct, count).tolist():
            label = "abc"[number % 3] if rng.random() < 0.9 else "B"
            row = {"text": f"text  {number}", "label": label}
            if rng.random() < 0.5:
                row["text"] = row["text"].upper()
            if rng.random() < 0.05:
                row["label"] = None
            if rng.random() < 0.03:
                row["text"] = " "
            file.write(json.dumps(row) + "\n")


def make_corpus(path, seed, distinct):
    rng = np.random.default_rng(seed)
    for part, count in (("train", 700), ("validation", 90), ("test", 200)):
        write_part(path / f"{part}.jsonl", count, distinct, rng)
    return str(path)


def by_ranges(dataset, rows, selection, shares=sides.SHARES, num_buckets=3):
    """The split by what units leave, each a file of JSON or an array."""
    reading = Reading()
    source = texts.open_corpus(dataset)
    pieces = ranges.cut(dataset, None, reading, rows)
    pieces = ranges.number(
        pieces, [ranges.count(dataset, None, reading, p) for p in pieces]
    )
    read = functools.partial(ranges.read, dataset, None, reading)
    side_of = functools.partial(hashed.side_of, seed=SEED, shares=shares)
    left = [
        json.dumps(surveys.survey(read(p), p.part, side_of).to_json())
        for p in pieces
    ]
    survey = surveys.merge(
        surveys.Survey.from_json(json.loads(each)) for each in left
    )
    chosen = surveyed.choose_classes(source, survey, selection)
    names = list(source.parts)
    buckets = [
        repeats.buckets_of(
            repeats.digest_table(
                read(piece), names.index(piece.part), n, chosen.label_index
            ),
            num_buckets,
        )
        for n, piece in enumerate(pieces)
    ]
    counts = repeats.merge_counts(
        repeats.count_bucket([of_range[n] for of_range in buckets], names)
        for n in range(num_buckets)
    )
    return surveyed.split_survey(
        source,
        survey,
        counts,
        lambda piece, row: ranges.example_at(
            dataset, None, reading, pieces[piece], row
        ),
        shares=shares,
        selection=selection,
    )


MAPPED = Selection("B:b", bad_rows="drop", max_bad_rows=0.5)


@pytest.mark.parametrize(
    ("selection", "distinct", "shares"),
    [
        (MAPPED, 60, sides.SHARES),
        (MAPPED, 10**7, sides.SHARES),
        (MAPPED, 900, TEST_TOO),
        (
            dataclasses.replace(MAPPED, label_map="b:", merge_labels=True),
            900,
            sides.SHARES,
        ),
        (dataclasses.replace(MAPPED, label_map="B:a"), 60, sides.SHARES),
        (
            dataclasses.replace(
                MAPPED, label_map="B:B,b:b", min_class_size=150
            ),
            60,
            TEST_TOO,
        ),
    ],
)
def test_ranges_say_what_the_index_says(tmp_path, selection, distinct, shares):
    dataset = make_corpus(tmp_path, distinct, distinct)
    expected = split.split_corpus(
        texts.open_corpus(dataset),
        protocol="hashed",
        seed=SEED,
        shares=shares,
        selection=selection,
    )
    for rows, num_buckets in ((30, 5), (400, 1)):
        found = by_ranges(dataset, rows, selection, shares, num_buckets)
        assert found.label_names == expected.label_names
        assert found.label_index == expected.label_index
        assert found.audit == expected.audit
        assert list(found.audit) == list(expected.audit)
        assert json.dumps(found.audit) == json.dumps(expected.audit)
        assert found.faults.causes == expected.faults.causes
        assert found.faults.first == expected.faults.first
    if distinct < 1000 and not selection.min_class_size:
        assert expected.audit["contradictions"]["texts"]
        assert all(expected.audit["repeats"].values())


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection("B:b"), "the text is empty.*--bad_rows=drop"),
        (Selection("B:b", bad_rows="drop", max_bad_rows=0.001), "At most 0.1%"),
        (DROP, "Labels look like one class"),
        (
            Selection("B:b", bad_rows="drop", min_class_size=10**6),
            "at least two classes",
        ),
    ],
)
def test_ranges_are_refused_with_the_index_s_message(
    tmp_path, selection, message
):
    dataset = make_corpus(tmp_path, 1, 900)
    with pytest.raises(ValueError, match=message) as of_index:
        split.split_corpus(
            texts.open_corpus(dataset), protocol="hashed", selection=selection
        )
    with pytest.raises(ValueError, match=message) as of_ranges:
        by_ranges(dataset, 50, selection)
    assert str(of_ranges.value) == str(of_index.value)


def test_a_side_that_lacks_a_class_is_refused_with_the_index_s_message(
    tmp_path,
):
    path = tmp_path / "a.jsonl"
    rows = [{"text": f"t {n}", "label": n % 2} for n in range(60)]
    rows.append({"text": "rare", "label": "one"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match="Every class needs") as of_index:
        split.split_corpus(
            texts.open_corpus(str(path)), protocol="hashed", seed=SEED
        )
    with pytest.raises(ValueError, match="Every class needs") as of_ranges:
        by_ranges(str(path), 10, classes.REFUSE)
    assert str(of_ranges.value) == str(of_index.value)


def test_a_part_without_rows_is_refused(tmp_path):
    make_corpus(tmp_path, 1, 900)
    (tmp_path / "test.jsonl").write_text("\n\n")
    with pytest.raises(ValueError, match="expected rows in test"):
        by_ranges(str(tmp_path), 50, DROP)


def test_counts_travel_as_json(tmp_path):
    tables = []
    for piece, label in enumerate("ab"):
        items = [texts.Example(str(n), f"t {n}", label) for n in range(4)]
        tables.append(
            repeats.digest_table(iter(items), 0, piece, {"a": 0, "b": 1})
        )
    counts = repeats.count_bucket(tables, ["train"])
    assert counts.first == ((0, 0), (1, 0))
    assert counts.texts == 4
    left = json.dumps(dataclasses.asdict(counts))
    assert repeats.Counts.from_json(json.loads(left)) == counts
    np.save(tmp_path / "a.npy", tables[0])
    loaded = np.load(tmp_path / "a.npy")
    assert loaded.tobytes() == tables[0].tobytes()
    none = repeats.count_bucket([tables[0][:0]], ["train"])
    assert repeats.merge_counts([none, counts, none]) == counts


def test_buckets_hold_every_entry_once_by_its_digest():
    items = [texts.Example(str(n), f"t {n}", "a") for n in range(500)]
    table = repeats.digest_table(iter(items), 0, 0, {"a": 0})
    for count in (1, 2, 7, 256):
        buckets = repeats.buckets_of(table, count)
        assert len(buckets) == count
        assert np.concatenate(buckets).tobytes() == table.tobytes()
        for number, bucket in enumerate(buckets):
            for entry in bucket:
                prefix = int.from_bytes(entry["digest"].tobytes()[:4], "big")
                assert prefix * count >> 32 == number
