"""Votes: by hand, from a command to a served model, and after a kill."""

import csv
import json
import shutil

import numpy as np
import pytest

from text2image.corpora.unlabelled import Text
from tfrecords import files
from trainers import list_runs, run, verify
from trainers.runs import loading, votes
from trainers.runs.predictions import read_probabilities, write_predictions
from trainers.runs.workdir import finish
from trainers.serving import predictor
from trainers.training.metrics import evaluate
from trainers.voting import vote

NAMES = ("good", "bad")


def write_run(workdir, labels, probabilities, ids="abcd"):
    """What a vote reads of a run."""
    workdir.mkdir(parents=True)
    write_predictions(workdir, NAMES, ids, labels, probabilities)
    metrics = {
        **evaluate(np.log(probabilities), labels),
        "num_train": 9,
        "label_names": NAMES,
        "backbone": "vgg16",
        "image_fingerprint": f"records of {workdir.name}",
        "model_sha256": f"model of {workdir.name}",
    }
    finish(workdir, ("predictions.csv",), metrics)


@pytest.fixture
def by_hand(tmp_path):
    labels = np.array([0, 0, 1, 1])
    for name, good in (
        ("1-pca", [0.9, 0.4, 0.6, 0.1]),
        ("2-random", [0.6, 0.8, 0.2, 0.6]),
        ("3-umap", [0.2, 0.7, 0.5, 0.2]),
    ):
        rows = np.column_stack([good, 1 - np.array(good)])
        write_run(tmp_path / name, labels, rows)
    config = {votes.MEMBERS: {"1-pca": {}, "2-random": {}, "3-umap": {}}}
    files.write_json(tmp_path / "config.json", {"config": config})
    return tmp_path


def test_a_vote_is_the_mean_of_the_probabilities(by_hand):
    metrics = vote.take(by_hand)
    rows = read_probabilities(by_hand)
    # (0.9 + 0.6 + 0.2) / 3 and so on.
    good = [0.566667, 0.633333, 0.433333, 0.3]
    np.testing.assert_allclose([row[0] for row in rows.values()], good, 1e-6)
    assert list(rows) == ["a", "b", "c", "d"]
    assert metrics["accuracy"] == 1.0
    accuracies = [each["accuracy"] for each in metrics["members"]]
    assert accuracies == [0.5, 0.75, 0.5]  # 0.5 for both counts as the first
    assert metrics["best_member"] == "2-random"
    assert metrics["against_first"]["only_first"] == 2
    assert metrics["against_best"] == {
        "only_first": 1,
        "only_second": 0,
        "p_value": 1.0,
    }
    assert metrics["all_agree"] == 0.0
    loss = -np.mean(np.log([good[0], good[1], 1 - good[2], 1 - good[3]]))
    assert metrics["loss"] == pytest.approx(loss, abs=1e-5)


def test_runs_of_other_texts_do_not_vote(by_hand):
    labels = np.array([0, 1])
    shutil.rmtree(by_hand / "2-random")
    write_run(by_hand / "2-random", labels, np.full((2, 2), 0.5), ids="ab")
    with pytest.raises(ValueError, match="must have predicted the same texts"):
        vote.take(by_hand)


def test_a_network_is_loaded_from_a_run_and_not_from_a_vote(by_hand):
    with pytest.raises(ValueError, match=r"a vote of 3 maps.*1-pca, "):
        loading.load(by_hand)


@pytest.fixture(scope="module")
def typed(make_once, tiny_bert):
    """Flags of a vote of two maps, except its directory."""

    def write(directory):
        directory.mkdir()
        with (directory / "texts.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label"))
            for index in range(60):
                words = ("great love good", "bad dull hate")[index % 2]
                label = ("fresh", "rotten")[index % 2]
                rows.writerow((f"{words} film, number {index}", label))

    directory = make_once("vote corpus", write)
    return [
        f"--dataset={directory / 'texts.csv'}",
        f"--records_dir={directory / 'records'}",
        f"--encoder={tiny_bert}",
        "--max_tokens=32",
        "--backbone=vgg16",
        "--weights=random",
        "--epochs=2",
        "--image_height=12",
        "--image_width=12",
        "--assignment=bin",
        "--maps=pca,random",
    ]


@pytest.fixture(scope="module")
def voted(make_once, typed):
    """Directory of a finished vote."""

    def train(directory):
        assert run.main([*typed, f"--workdir={directory}"]) == 0

    return make_once("vote", train)


@pytest.mark.slow
def test_a_vote_leaves_whole_runs_and_its_own_files(voted, capsys):
    mean = np.mean(
        [
            list(read_probabilities(voted / name).values())
            for name in ("1-pca", "2-random")
        ],
        axis=0,
    )
    rows = np.array(list(read_probabilities(voted).values()))
    np.testing.assert_allclose(rows, mean, atol=2e-6)  # six digits on disk
    report = (voted / "report.md").read_text()
    for name in ("1-pca", "2-random"):
        assert f"[{name}]({name}/report.md)" in report
        assert (voted / name / "report.md").is_file()
    assert (voted / "maps.png").read_bytes().startswith(b"\x89PNG")
    assert "same stacks" in (voted / "1-pca/report.md").read_text()
    assert "same stacks" not in (voted / "2-random/report.md").read_text()
    assert verify.main([str(voted)]) == 0
    assert list_runs.main([str(voted), "--format=csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[1] for line in lines if "finished" in line] == [
        *("vote", "text", "text")
    ]
    damaged = voted / "2-random/predictions.csv"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1])
    assert verify.main([str(voted)]) == 1
    damaged.write_bytes(content)


@pytest.mark.slow
def test_a_served_vote_answers_as_its_runs_do(voted):
    texts = ["great love good film, number 0", "", "bad snow"]
    ours = predictor.load_predictor(workdir=str(voted))
    served = predictor.load_predictor(export_dir=str(voted / "export"))
    alone = [
        predictor.load_predictor(workdir=str(voted / name))
        for name in ("1-pca", "2-random")
    ]
    mean = np.mean(
        [[each.probabilities for each in one.predict(texts)] for one in alone],
        axis=0,
    )
    for model in (ours, served):
        predictions = list(model.predict(texts))
        rows = [each.probabilities for each in predictions]
        np.testing.assert_allclose(rows, mean, atol=1e-6)
        assert [each.novelty for each in predictions] == [None] * 3
    stored = read_probabilities(voted)
    first = next(iter(ours.predict([_text_of(voted, next(iter(stored)))])))
    np.testing.assert_allclose(
        first.probabilities, stored[next(iter(stored))], atol=1e-5
    )
    signatures = predictor.load_served(None, str(voted / "export"), None)
    assert sorted(signatures.signatures) == [
        *("embed", "serving_default", "tokenize", "tokens")
    ]
    assert (voted / "export/core/1/saved_model.pb").is_file()
    with pytest.raises(ValueError, match="Texts are drawn by a run"):
        ours.render([Text(1, "great")])


def _text_of(voted, key):
    """The text of a record, whose id is the line in the corpus."""
    path = voted.parent / "vote corpus/texts.csv"
    with path.open(newline="") as file:
        return list(csv.reader(file))[int(key) - 1][0]


@pytest.mark.slow
def test_a_vote_that_was_killed_resumes_and_ends_with_the_same_bytes(
    voted, typed, tmp_path, monkeypatch
):
    trained = []
    train_and_report = run.train_and_report

    def killed_at_the_second(options, train, records):
        trained.append(options.workdir)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_and_report(options, train, records)

    workdir = tmp_path / "vote"
    monkeypatch.setattr(run, "train_and_report", killed_at_the_second)
    flags = [*typed, f"--workdir={workdir}"]
    assert run.main(flags) == 130
    assert not (workdir / "metrics.json").exists()
    model = workdir / "1-pca/model.safetensors"
    written = model.stat().st_mtime_ns
    assert run.main(flags) == 0
    assert model.stat().st_mtime_ns == written
    names = ("metrics.json", "predictions.csv", "report.md")
    for name in names:
        assert (workdir / name).read_bytes() == (voted / name).read_bytes()


@pytest.mark.slow
def test_other_maps_want_another_directory(voted, typed, capsys):
    flags = [*typed[:-1], "--maps=pca,random,kernel_pca"]
    assert run.main([*flags, f"--workdir={voted}"]) == 1
    assert "holds a run with other settings (members" in capsys.readouterr().err
    assert run.main([*typed[:-1], f"--workdir={voted}"]) == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_other_models_than_those_that_voted_are_refused(voted, tmp_path):
    copy = shutil.copytree(voted, tmp_path / "copy")
    path = copy / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["members_sha256"] = "0" * 64
    path.write_text(json.dumps(metrics))
    with pytest.raises(ValueError, match="must hold the runs that voted"):
        predictor.load_predictor(workdir=str(copy))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--maps=2", "--projection=pca"], "Received: two by pca"),
        (["--maps=pca,random", "--perplexity=5"], "--perplexity would have no"),
        (["--maps=pca,random", "--projection=tsne"], "names others"),
        (["--maps=pca,random", "--image_records=x"], "images of one map"),
        (["--maps=pca,kernel_pca", "--map_seed=3"], "--map_seed would have no"),
        (["--maps=tsne:999,pca"], "--perplexity must be in (0, 768)"),
        (["--maps=2", "--distribution=multi_worker"], "trains one run"),
    ],
)
def test_the_flags_of_a_vote_are_checked_with_its_maps(
    tmp_path, monkeypatch, capsys, flags, message
):
    monkeypatch.chdir(tmp_path)
    assert run.main(flags) != 0
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
