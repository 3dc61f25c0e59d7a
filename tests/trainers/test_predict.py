"""Prediction from the run and from its export, as a user types it."""

import csv
import dataclasses
import io
import json
import logging
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.support import commands
from text2image.corpora import unlabelled
from trainers import predict
from trainers.serving import formats
from trainers.serving.predictor import load_predictor


def run(*flags, cwd, stdin=""):
    return commands.run_alone(
        "trainers.predict", *flags, cwd=cwd, bars=True, stdin=stdin
    )


def stream(values):
    return [
        unlabelled.Text(i, value) for i, value in enumerate(values, start=1)
    ]


@pytest.fixture(scope="module")
def predictors(trained):
    return {
        "run": load_predictor(workdir=str(trained[3].workdir)),
        "export": load_predictor(export_dir=str(trained[3].export)),
    }


@pytest.mark.slow
def test_run_and_export_predict_the_same(trained, predictors, tmp_path):
    values = [*trained[3].texts.values(), "", "\ud800 lone", "x" * 10_000]
    predictions = {}
    for name, predictor in predictors.items():
        predictions[name] = list(
            predictor.predict(stream(values), batch_size=4, image_dir=tmp_path)
        )
        assert [a.text for a in predictions[name]] == values
        assert [a.id for a in predictions[name]] == list(
            range(1, len(values) + 1)
        )
    for one, other in zip(
        predictions["run"], predictions["export"], strict=True
    ):
        assert one.label == other.label
        np.testing.assert_allclose(
            one.probabilities, other.probabilities, rtol=0, atol=1e-6
        )
        assert one.score == max(one.probabilities)
        assert 0 <= one.novelty <= 1
        assert one.novelty == pytest.approx(other.novelty, abs=0.12)  # a step
        best = one.probabilities.index(one.score)
        assert one.label == predictors["run"].label_names[best]
    assert len(list(tmp_path.iterdir())) == len(values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "warns"),
    [(["a film"] * 3, False), (["\U0001f600 \U0001f3ac"], True)],
)
def test_a_run_warns_once_of_unknown_tokens(predictors, caplog, texts, warns):
    with caplog.at_level(logging.WARNING, logger="absl"):
        list(predictors["run"].predict(stream(texts), batch_size=1))
    messages = [
        record.getMessage()
        for record in caplog.records
        if record.name == "absl"
    ]
    assert len(messages) == warns
    assert all("unknown to the encoder" in message for message in messages)


@pytest.mark.slow
def test_saved_images_are_those_the_model_sees(predictors, tmp_path):
    texts = stream(["a good film", "a dull film, and a long one"])
    list(predictors["run"].predict(texts, image_dir=tmp_path))
    images = predictors["run"].render(texts)
    for index, image in enumerate(images, start=1):
        content = (tmp_path / f"{index:06d}.png").read_bytes()
        pixels = tf.io.decode_png(content).numpy()
        assert pixels.shape == (12, 14, 1)
        # 8 bits: half a step of 1/255.
        np.testing.assert_allclose(pixels / 255, image, atol=0.5 / 255 + 1e-6)


@pytest.mark.slow
def test_texts_are_labelled_as_they_arrive(predictors):
    seen = []

    def endless():
        for item in stream(["good"] * 10**6):
            seen.append(item.id)
            yield item

    predictions = predictors["run"].predict(endless(), batch_size=2)
    assert next(predictions).id == 1
    assert len(seen) <= 2


@pytest.mark.slow
def test_the_newest_version_is_loaded_with_a_warning_of_its_libraries(
    trained, tmp_path, caplog
):
    for version in ("2", "10"):
        shutil.copytree(trained[3].export, tmp_path / version)
    extra = tmp_path / "10/assets.extra"
    path = extra / "provenance.json"
    provenance = json.loads(path.read_text())
    path.write_text(json.dumps({**provenance, "label_names": ["a", "b", "c"]}))
    (extra / "versions.json").write_text(json.dumps({"tensorflow": "2.20.0"}))
    (extra / "files.json").unlink()
    predictor = load_predictor(export_dir=str(tmp_path))
    assert predictor.label_names == ("a", "b", "c")
    assert "made with tensorflow 2.20.0" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "variables/variables.index",
        "assets.extra/provenance.json",
        "assets.extra/versions.json",
    ],
)
def test_a_damaged_export_is_refused(trained, tmp_path, name):
    directory = shutil.copytree(trained[3].export, tmp_path / "1")
    path = directory / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="is damaged"):
        load_predictor(export_dir=str(directory))


NAMES = ("neg", "größe")
ODD_NAMES = ("a\x1b[2J", "b\nc")
PREDICTIONS = [
    formats.Prediction(
        1, "a\tb \x1b[31m" + "c" * 100, "neg", 0.75, (0.75, 0.25)
    ),
    formats.Prediction(2, 'say "é",\n\ud800', "größe", 1.0, (0.0, 1.0)),
]


def test_a_table_is_aligned_and_cannot_control_the_terminal():
    lines = list(formats.table(PREDICTIONS, NAMES))
    assert lines[0].split() == ["id", "label", "score", "text"]
    columns = {lines[0].index("score"), lines[1].index("0.7500")}
    assert columns == {lines[2].index("1.0000")}
    assert lines[1].startswith("     1  neg    0.7500  a b ?[31mccc")
    assert lines[1].endswith("c…\n")
    assert all(line.count("\n") == 1 for line in lines)


def test_novelty_is_shown_where_it_is_known():
    known = [
        dataclasses.replace(each, novelty=novelty)
        for each, novelty in zip(PREDICTIONS, (0.25, 1.0), strict=True)
    ]
    lines = list(formats.table(known, NAMES))
    column = lines[0].index("novelty")
    assert lines[0][column:].split() == ["novelty", "text"]
    assert [line[column:].split()[0] for line in lines[1:]] == [
        "0.250",
        "1.000",
    ]
    text = lines[0].index("text")
    assert lines[1][text:].startswith("a b")
    assert lines[2][text:].startswith("say")
    rows = csv.DictReader(
        io.StringIO("".join(formats.comma_separated(known, NAMES)))
    )
    assert [row["novelty"] for row in rows] == ["0.250", "1.000"]
    values = [json.loads(line) for line in formats.json_lines(known, NAMES)]
    assert [value["novelty"] for value in values] == [0.25, 1.0]
    for write in formats.FORMATS.values():
        assert "novelty" not in "".join(write(PREDICTIONS, NAMES))
        assert len(list(write([], NAMES))) == (write is not formats.json_lines)


def test_odd_class_names_do_not_break_the_table():
    prediction = formats.Prediction(1, "text", ODD_NAMES[0], 0.75, (0.75, 0.25))
    lines = list(formats.table([prediction], ODD_NAMES))
    assert lines[1] == "     1  a?[2J  0.7500  text\n"


def test_csv_and_jsonl_can_be_read_back():
    rows = list(
        csv.DictReader(
            io.StringIO("".join(formats.comma_separated(PREDICTIONS, NAMES)))
        )
    )
    assert [row["label"] for row in rows] == ["neg", "größe"]
    assert rows[0]["probability_größe"] == "0.250000"
    assert rows[1]["text"] == 'say "é",\n?'
    values = [
        json.loads(line) for line in formats.json_lines(PREDICTIONS, NAMES)
    ]
    assert values[0]["probabilities"] == {"neg": 0.75, "größe": 0.25}
    assert values[1]["text"] == 'say "é",\n?'


# --- The command -------------------------------------------------------------


@pytest.mark.slow
def test_the_command_labels_a_file_with_a_run(trained, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text('review,n\n"a good, long film",1\n,2\nbad,3\n')
    done = run(
        f"--workdir={trained[2].workdir}",
        "--file=reviews.csv",
        "--text_key=review",
        "--format=csv",
        "--image_dir=images",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["text"] for row in rows] == ["a good, long film", "", "bad"]
    assert [row["id"] for row in rows] == ["2", "3", "4"]
    assert {row["label"] for row in rows} <= {"clåss 0", "clåss 1"}
    assert len(list((tmp_path / "images").glob("*.png"))) == 3
    assert "3 texts" in done.stderr  # the bar


@pytest.mark.slow
def test_the_command_labels_a_pipe_with_an_export_alone(trained, tmp_path):
    moved = shutil.copytree(trained[3].export.parent, tmp_path / "models")
    done = run(
        f"--export_dir={moved}",
        "--file=-",
        "--format=jsonl",
        cwd=tmp_path,
        stdin="good film\nbad film\n",
    )
    assert done.returncode == 0, done.stderr
    values = [json.loads(line) for line in done.stdout.splitlines()]
    assert [value["text"] for value in values] == ["good film", "bad film"]
    assert all(len(value["probabilities"]) == 3 for value in values)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ([], 2, "Expected either --workdir or --export_dir"),
        (["--workdir=a", "--export_dir=b", "text"], 2, "Received: both"),
        (["--workdir=a"], 2, "Expected either texts"),
        (["--workdir=a", "--file=b.txt", "text"], 2, "Expected either texts"),
        (["--workdir=a", "--format=xml", "text"], 2, "must be one of table"),
        (["--workdir=a", "--batch_size=0", "text"], 1, "--batch_size must be"),
        (["--workdir=a", "--file=b.txt"], 1, "--file must be an existing"),
        (["--export_dir=a", "--encoder=b", "text"], 1, "--encoder would have"),
        (["--workdir=a", "--text_key=b", "text"], 1, "--text_key would have"),
    ],
)
def test_a_wrong_call_is_explained_before_anything_is_loaded(
    capsys, flags, code, message
):
    assert commands.exit_code(predict.main, flags) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(BrokenPipeError, 0), (KeyboardInterrupt, 130)]
)
def test_a_reader_that_leaves_is_no_error(error, code):
    program = (
        "import sys\n"
        "from trainers.serving import formats\n"
        "def lines():\n"
        "    yield 'one\\n'\n"
        f"    raise {error.__name__}\n"
        "sys.exit(formats.print_lines(lines()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "one\n", "")
