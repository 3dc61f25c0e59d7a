"""The search among a run's rows: against brute force, and as a command."""

import json
import shutil

import numpy as np
import pytest

from tests.support import commands
from tests.support.damages import damage
from trainers.multimodal import loading, retrieval, search, vector_index

WIDTHS = {"image": 5, "title": 3}


def make_index(rng, tmp_path, count=40):
    """Some rows lack their title, some are equal."""
    vectors = rng.normal(size=(count, 8)).astype(np.float32)
    vectors[::7, 5:] = 0
    vectors[11] = vectors[3]
    parts = vectors[:, :5], vectors[:, 5:]
    lengths = np.stack([np.linalg.norm(x, axis=1) for x in parts], axis=1)
    return vector_index.VectorIndex(
        tmp_path,
        WIDTHS,
        {"train": 30, "validation": count - 30},
        vectors,
        lengths,
        (np.arange(count) % 3).astype(np.int32),
        np.zeros(count, np.int64),
    )


def brute_force(index, query, rows):
    """Cosine of the parts that the query has, row by row."""
    columns = np.flatnonzero(
        np.repeat([query[:5].any(), query[5:].any()], [5, 3])
    )
    scores = []
    for row in rows:
        vector = index.vectors[row][columns]
        length = np.linalg.norm(vector) * np.linalg.norm(query)
        scores.append(vector @ query[columns] / length if length else 0.0)
    order = np.argsort(-np.array(scores).round(6), kind="stable")
    return np.array(scores)[order], np.array(rows)[order]


@pytest.mark.parametrize("block_bytes", [1, 200, 1 << 20])
def test_the_nearest_are_those_of_brute_force(
    rng, tmp_path, monkeypatch, block_bytes
):
    monkeypatch.setattr(vector_index, "_BLOCK_BYTES", block_bytes)
    index = make_index(rng, tmp_path)
    queries = rng.normal(size=(4, 8)).astype(np.float32)
    queries[1, :5] = queries[2, 5:] = 0
    queries[3] = index.vectors[3]
    for rows in (range(40), index.numbers("validation")):
        scores, numbers = index.nearest(queries, 6, rows)
        for query, found, these in zip(queries, scores, numbers, strict=True):
            expected, order = brute_force(index, query, rows)
            np.testing.assert_allclose(found, expected[:6], atol=1e-6)
            np.testing.assert_array_equal(these, order[:6])
    _, numbers = index.nearest(queries[3:], 2)
    assert numbers.tolist() == [[3, 11]]
    assert index.nearest(queries, 100)[1].shape == (4, 40)


def test_recall_and_precision_are_counted_among_train_rows(rng, tmp_path):
    index = make_index(rng, tmp_path)
    measured = {
        item.modalities: item
        for item in retrieval.measure(index, "validation", 4, seconds=0.01)
    }
    assert set(measured) == {("image", "title"), ("image",), ("title",)}
    assert measured["image",].num_queries == 10
    assert measured["title",].num_queries == 9  # row 35 has none
    hits = []
    for row in index.numbers("validation"):
        query = np.where(np.arange(8) < 5, index.vectors[row], 0)
        _, found = brute_force(index, query, range(30))
        hits.append(index.labels[found[:4]] == index.labels[row])
    assert measured["image",].recall == np.any(hits, axis=1).mean()
    assert measured["image",].precision == np.mean(hits)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--export_dir=x --text=a", 2, "has no rows to search among"),
        ("--text=a", 2, "Expected either --workdir or"),
        ("--workdir=x", 2, "Expected either --file=PATH or some of"),
        ("--workdir=x --text=a --title=b", 2, "Expected --text alone"),
        ("--workdir=x --text=a --title_key=b", 1, "--title_key would"),
        ("--workdir=x --evaluate --image=b", 1, "--image would"),
        ("--workdir=x --evaluate --text=b", 1, "--text would"),
        ("--workdir=x --text=a --top=0", 1, "--top must be"),
        ("--workdir=x --file=a.csv", 1, "Expected an existing file"),
    ],
)
def test_flags_that_do_not_fit_are_refused_at_once(
    tmp_path, monkeypatch, capsys, flags, code, message
):
    monkeypatch.chdir(tmp_path)
    assert commands.exit_code(search.main, flags.split()) == code
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_row_is_found_by_itself_and_the_index_is_made_once(
    trained, corpus, tmp_path, capsys, caplog
):
    caplog.set_level("INFO", logger="absl")
    workdir = shutil.copytree(trained, tmp_path / "run")
    flags = [f"--workdir={workdir}", f"--file={corpus}", "--format=jsonl"]
    assert commands.exit_code(search.main, [*flags, "--top=3"]) == 0
    found = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert len(found) == 60
    for item in found:
        first, *others = item["nearest"]
        assert first["id"] == item["id"]
        # Texts were encoded in batches.
        assert first["score"] == pytest.approx(1, abs=1e-4)
        assert len(others) == 2
        assert others[0]["score"] <= first["score"]
    assert {row["split"] for item in found for row in item["nearest"]} == {
        "train",
        "validation",
        "test",
    }
    assert "index: making" in caplog.text
    caplog.clear()
    flags = [f"--workdir={workdir}"]
    assert commands.exit_code(search.main, [*flags, "--text=warm"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "sample 1"
    assert [line.split()[0] for line in shown[1:]] == [
        str(rank) for rank in range(1, 11)
    ]
    assert commands.exit_code(search.main, [*flags, "--evaluate"]) == 0
    assert "image, title, description" in capsys.readouterr().out
    assert "making" not in caplog.text
    assert not (workdir / "index/.lock").exists()


@pytest.mark.slow
def test_an_index_that_is_damaged_or_of_others_is_made_again(
    trained, tmp_path, caplog
):
    workdir = shutil.copytree(trained, tmp_path / "run")
    run = loading.load_run(workdir)
    whole = vector_index.open_index(run)
    names = run.manifest.schema.label_names
    assert [names[label] for label in whole.labels] == [
        row["label"] for row in whole.read(range(60))
    ]
    contents = {path: path.read_bytes() for path in whole.path.iterdir()}
    damage(whole.path / "rows.jsonl", "cut")
    assert vector_index.open_index(run).read([1]) == whole.read([1])
    assert "The index is made again" in caplog.text
    path = whole.path / "index.json"
    about = json.loads(contents[path]) | {"records": "0" * 12}
    del about["content_sha256"]
    path.write_text(json.dumps(about))
    vector_index.open_index(run)
    assert {name: name.read_bytes() for name in contents} == contents
