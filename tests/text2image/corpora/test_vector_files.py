"""Vectors with labels are read from `.npz` and Parquet files alike."""

import json

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from text2image.corpora import npz_vectors, parquet_vectors, vector_files
from text2image.corpora.examples import Example
from text2image.corpora.rows import NOT_FINITE, Fault
from text2image.corpora.spans import WHOLE

N = 11
RNG = np.random.default_rng(0)
STACKS = RNG.standard_normal((N, 2, 3), np.float32)
MATRIX = STACKS.reshape(N, 6)
LABELS = np.array([("neg", "pos")[row % 2] for row in range(N)])
IDS = np.array([f"key {row}" for row in range(N)])
TEXTS = np.array([f"text {row}" for row in range(N)])
SPLIT = np.array([("train", "validation")[row % 3 == 0] for row in range(N)])
EXTRAS = {"ids": IDS, "texts": TEXTS, "split": SPLIT}


def npz(path, save=np.savez, **arrays):
    path = path / "vectors.npz"
    save(path, **arrays)
    return path


def table(path, columns, **options):
    path = path / "vectors.parquet"
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def of_columns(path, stacks, extras):
    columns = {"label": LABELS.tolist()}
    for array, column in (("ids", "id"), ("texts", "text"), ("split",) * 2):
        if array in extras:
            columns[column] = extras[array].tolist()
    if stacks.ndim == 3:
        columns["stack"] = stacks.tolist()
    else:
        columns |= {f"x{n}": stacks[:, n] for n in range(stacks.shape[1])}
    return table(path, columns, row_group_size=3)


WRITERS = {
    "npz": lambda path, stacks, extras: npz(
        path, stacks=stacks, labels=LABELS, **extras
    ),
    "compressed npz": lambda path, stacks, extras: npz(
        path, np.savez_compressed, stacks=stacks, labels=LABELS, **extras
    ),
    "parquet": of_columns,
}


def opened(path):
    vector_files.open_vectors.cache_clear()
    return vector_files.open_vectors(str(path))


def rows_of(file, spans=(WHOLE,)):
    return [
        (chunk.key(row), chunk.labels[row], chunk.text(row), stack.tolist())
        for span in spans
        for chunk in file.read(span)
        for row, stack in enumerate(chunk.stacks)
    ]


@pytest.mark.parametrize("extras", [{}, EXTRAS], ids=["bare", "extras"])
@pytest.mark.parametrize("stacks", [STACKS, MATRIX], ids=["stacks", "matrix"])
@pytest.mark.parametrize("kind", WRITERS)
def test_rows_are_those_of_the_arrays(tmp_path, kind, stacks, extras):
    file = opened(WRITERS[kind](tmp_path, stacks, extras))
    assert file.num_rows == N
    assert file.stack_shape == ((2, 3) if stacks.ndim == 3 else (1, 6))
    assert file.has_parts == bool(extras)
    expected = [
        (
            str(IDS[row]) if extras else f"row-{row + 1}",
            LABELS[row],
            str(TEXTS[row]) if extras else "",
            STACKS[row].reshape(file.stack_shape).tolist(),
        )
        for row in range(N)
    ]
    assert rows_of(file) == expected
    for size in (1, 3, 4, 100):
        assert rows_of(file, file.cut(size)) == expected
    if extras:
        parts = [name for names in file.read_parts() for name in names]
        assert parts == SPLIT.tolist()


@pytest.mark.parametrize("dtype", ["f2", "f8", "i2", "u1", "?"])
def test_numbers_of_any_type_become_float32(tmp_path, dtype):
    stacks = (MATRIX * 3).astype(dtype)
    expected = stacks.astype(np.float32).tolist()
    (chunk,) = opened(npz(tmp_path, stacks=stacks, labels=LABELS)).read(WHOLE)
    assert chunk.stacks.dtype == np.float32
    assert chunk.stacks[:, 0].tolist() == expected
    columns = {f"x{n}": stacks[:, n] for n in range(6)}
    path = table(tmp_path, {"label": LABELS.tolist(), **columns})
    (chunk,) = opened(path).read(WHOLE)
    assert chunk.stacks.dtype == np.float32
    assert chunk.stacks[:, 0].tolist() == expected


def test_a_row_is_known_by_its_text_else_its_id_else_its_numbers(tmp_path):
    stacks = np.concatenate([MATRIX[:3], MATRIX[:1]])
    labels = LABELS[:4]

    def texts_of(**extras):
        file = opened(npz(tmp_path, stacks=stacks, labels=labels, **extras))
        return [item.text for item in vector_files.read(file, WHOLE)]

    assert texts_of(ids=IDS[:4], texts=TEXTS[:4]) == TEXTS[:4].tolist()
    blank = np.array(["", "a", "", "b"])
    assert texts_of(ids=IDS[:4], texts=blank)[::2] == IDS[:4:2].tolist()
    by_numbers = texts_of()
    assert by_numbers[0] == by_numbers[3]
    assert len(set(by_numbers)) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_not_finite_is_a_fault_of_its_row(tmp_path, kind, value):
    stacks = MATRIX.astype(np.float64)
    stacks[7, 2] = value
    file = opened(WRITERS[kind](tmp_path, stacks, {}))
    items = list(vector_files.read(file, WHOLE))
    (fault,) = [item for item in items if isinstance(item, Fault)]
    assert items[7] is fault
    assert fault.cause == NOT_FINITE
    assert "row 8: every number must be finite" in fault.message
    assert sum(isinstance(item, Example) for item in items) == N - 1


def test_a_null_of_parquet_is_a_fault(tmp_path):
    columns = {"label": LABELS.tolist(), "x": [None, *range(1, N)]}
    file = opened(table(tmp_path, columns))
    first, *others = vector_files.read(file, WHOLE)
    assert first.cause == NOT_FINITE
    assert all(isinstance(item, Example) for item in others)


@pytest.mark.parametrize("nulls", [[0], [4, 9], [0, 1, 10]])
@pytest.mark.parametrize("stacks", [STACKS, MATRIX], ids=["stacks", "matrix"])
def test_a_stack_that_is_null_is_a_fault(tmp_path, stacks, nulls):
    lists = stacks.tolist()
    for row in nulls:
        lists[row] = None
    file = opened(table(tmp_path, {"label": LABELS.tolist(), "stack": lists}))
    items = list(vector_files.read(file, WHOLE))
    faults = [row for row in range(N) if isinstance(items[row], Fault)]
    assert faults == nulls
    (chunk,) = file.read(WHOLE)
    others = [row for row in range(N) if row not in nulls]
    np.testing.assert_array_equal(
        chunk.stacks[others], stacks[others].reshape(-1, *file.stack_shape)
    )


def test_the_row_of_a_ragged_stack_is_named(tmp_path):
    lists = [None, *STACKS.tolist()[1:]]
    lists[6] = [[1.0, 2.0, 3.0], [4.0]]
    file = opened(table(tmp_path, {"label": LABELS.tolist(), "stack": lists}))
    with pytest.raises(ValueError, match="row 7: every `stack` must have"):
        list(file.read(WHOLE))


def test_stacks_that_are_all_null_are_refused(tmp_path):
    nulls = pyarrow.array([None] * N, pyarrow.list_(pyarrow.float32()))
    path = table(tmp_path, {"label": LABELS.tolist(), "stack": nulls})
    with pytest.raises(ValueError, match="every `stack` is null"):
        opened(path)


OBJECTS = np.array(["a", 1] * 5 + ["b"], object)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"stacks": STACKS}, "must have the arrays `stacks` and `labels`"),
        ({"labels": LABELS}, r"Received: \['labels'\]"),
        (
            {"stacks": STACKS, "labels": LABELS[:3]},
            "Received: 11 stacks and 3 labels",
        ),
        (
            {"stacks": MATRIX[:, 0], "labels": LABELS},
            r"must be \(N, L, D\) or \(N, F\). Received: \(11,\)",
        ),
        (
            {"stacks": MATRIX[:, :0], "labels": LABELS},
            r"Received: \(11, 0\)",
        ),
        (
            {"stacks": STACKS, "labels": LABELS, "ids": IDS[:2]},
            r"`ids` must be \(11,\)",
        ),
        (
            {"stacks": STACKS, "labels": OBJECTS},
            "`labels` must be strings or whole numbers. Received: Python obj",
        ),
        (
            {"stacks": STACKS, "labels": np.arange(N) / 2},
            "`labels` must be strings or whole numbers. Received: float64",
        ),
        (
            {"stacks": MATRIX.astype(str), "labels": LABELS},
            "`stacks` must be numbers. Received: <U32",
        ),
        (
            {"stacks": np.asfortranarray(MATRIX), "labels": LABELS},
            "must be in C order, row after row",
        ),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_that_are_no_vectors_are_refused(tmp_path, arrays, words, save):
    path = npz(tmp_path, save, **arrays)
    if save is np.savez_compressed and "C order" in words:
        assert opened(path).num_rows == N  # held in memory in any order
        return
    with pytest.raises(ValueError, match=words):
        opened(path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": [1.0]}, "must have a column `label`. Received: 'x'"),
        ({"label": ["a"]}, "columns of numbers. Received: 1 rows of 'label'"),
        ({"label": ["a"], "x": ["b"]}, "`x` must hold numbers. Rec.* string"),
        ({"label": [0.5], "x": [1]}, "`label` must hold strings or whole"),
        ({"label": ["a"], "stack": [1.0]}, "`stack` must be a list of numbers"),
        ({"label": ["a"], "stack": [["b"]]}, "Received: string"),
    ],
)
def test_columns_that_are_no_vectors_are_refused(tmp_path, columns, words):
    with pytest.raises(ValueError, match=words):
        opened(table(tmp_path, columns))


def test_the_index_of_pandas_is_no_feature(tmp_path):
    index = "__index_level_0__"
    columns = pyarrow.table({"x": [0.5], "label": ["a"], index: [7]})
    stated = {"index_columns": [index], "columns": [], "column_indexes": []}
    path = tmp_path / "vectors.parquet"
    parquet.write_table(
        columns.replace_schema_metadata({"pandas": json.dumps(stated)}), path
    )
    with pytest.raises(ValueError, match=f"'{index}', the index of pandas"):
        opened(path)


@pytest.mark.parametrize(
    ("stacks", "row"),
    [
        ([[1.0, 2], [3, 4], [5]], 3),
        ([[[1.0], [2]], [[3], [4]], [[5, 6], [7]]], 3),
        ([[[1.0], [2]], [[3]]], 2),
    ],
)
def test_stacks_of_unequal_shape_are_refused(tmp_path, stacks, row):
    path = table(tmp_path, {"label": ["a"] * len(stacks), "stack": stacks})
    with pytest.raises(ValueError, match=f"row {row}: every `stack`"):
        rows_of(opened(path))


@pytest.mark.parametrize("suffix", vector_files.SUFFIXES)
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix):
    kind = {".npz": "npz", ".parquet": "parquet"}[suffix]
    path = WRITERS[kind](tmp_path, STACKS, {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"Write it again|write it again"):
        opened(path)


def test_what_must_be_held_in_memory_has_a_limit(tmp_path, monkeypatch):
    for module in (npz_vectors, parquet_vectors):
        monkeypatch.setattr(module, "_MOST_IN_MEMORY", 64)
    opened(WRITERS["npz"](tmp_path, STACKS, {}))  # read row by row
    with pytest.raises(ValueError, match="savez instead of savez_compressed"):
        opened(WRITERS["compressed npz"](tmp_path, STACKS, {}))
    with pytest.raises(ValueError, match="row_group_size=4096"):
        opened(table(tmp_path, {"label": list(LABELS), "x": MATRIX[:, 0]}))


def test_a_row_of_no_part_is_refused_and_named(tmp_path):
    split = np.where(np.arange(N) == 4, "dev", SPLIT)
    file = opened(npz(tmp_path, stacks=STACKS, labels=LABELS, split=split))
    with pytest.raises(ValueError, match="row 5: `split` must be one of"):
        vector_files.open_corpus(file)


@pytest.mark.parametrize("names", [("train",), ("validation", "test")])
def test_parts_that_are_no_sides_are_refused(tmp_path, names):
    split = np.array([names[0], names[-1]] * 2)
    file = opened(
        npz(tmp_path, stacks=np.eye(4), labels=np.array([*"abab"]), split=split)
    )
    with pytest.raises(ValueError, match=r"`split` must name rows of train"):
        vector_files.open_corpus(file)


def test_arrays_with_other_names_are_listed(tmp_path):
    path = npz(tmp_path, X=np.eye(2), y=np.array([*"ab"]))
    with pytest.raises(ValueError, match=r"Received: \['X', 'y'\]"):
        opened(path)


def test_a_missing_file_is_refused():
    with pytest.raises(FileNotFoundError, match=r"--stacks=absent.npz"):
        vector_files.open_vectors("absent.npz")
