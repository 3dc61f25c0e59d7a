"""One command says where the time goes; no stage hides another."""

import importlib
import json
import math
import time

import numpy as np
import pytest

from benchmarks import gpu_check, random_bert
from benchmarks.gpu_stages import STAGES, activity, corpus, demo, report
from text2image.bert.encoder import Encoder
from text2image.bert.headers import BERT, Header

TINY = Header(BERT, 60, 2, 2, 8, 16, 512)


def test_a_random_bert_is_read_and_encodes(tmp_path):
    random_bert.write(tmp_path / "bert", TINY)
    bert = Encoder(str(tmp_path / "bert"), layers="all")
    stacks, _ = bert.encode(["one", "another one"])
    assert stacks.shape == (2, 2, 8)
    assert np.isfinite(stacks).all()
    assert (stacks[0] != stacks[1]).any()


def test_texts_are_as_long_as_reviews_and_the_same_every_time():
    sentences = [f"s{index}" for index in range(50)]
    tokens = np.random.default_rng(1).integers(20, 90, 50)
    texts = corpus.draw_texts(sentences, tokens.tolist(), 2_000)
    lengths = np.array(
        [
            sum(int(tokens[int(word[1:])]) - 2 for word in text.split())
            for text in texts
        ]
    )
    assert np.minimum(lengths, 512).mean() == pytest.approx(250, abs=8)
    assert texts == corpus.draw_texts(sentences, tokens.tolist(), 2_000)
    assert texts != corpus.draw_texts(sentences, tokens.tolist(), 2_000, seed=1)


def test_a_report_is_whole_after_every_measurement(tmp_path):
    path = tmp_path / "report.json"
    written = report.Report(path, 60)
    written.at("first")
    assert json.loads(path.read_text())["at"]["name"] == "first"
    written.add("first", seconds=1.5)
    written.amend(flops=3)
    written.line("a line")
    read = json.loads(path.read_text())
    assert read["measurements"] == [
        {"name": "first", "seconds": 1.5, "flops": 3}
    ]
    assert read["log"][0][1] == "a line"
    assert "at" not in read
    assert 0 < written.left() < 60


class Half:
    driver = "1"

    def utilization(self):
        return 0.5


@pytest.mark.parametrize(
    ("gpu", "share"), [(Half(), 0.5), (activity.SilentGpu(), math.nan)]
)
def test_a_gpu_is_as_busy_as_its_driver_says(gpu, share):
    with activity.Meter(gpu).phase() as phase:
        time.sleep(0.1)
    assert phase.seconds == pytest.approx(0.1, abs=0.05)
    assert phase.device == pytest.approx(share * phase.seconds, nan_ok=True)
    figures = phase.figures()
    assert (figures["idle"] is None) == math.isnan(share)
    json.dumps(figures, allow_nan=False)


def test_a_processor_that_waits_is_idle():
    meter = activity.Meter(None)
    with meter.phase() as waiting:
        time.sleep(0.2)
    with meter.phase() as working:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    assert waiting.device < 0.1 < 3 * working.device


def test_seconds_of_the_demo_are_added_up_by_stage():
    log = [(0.0, "start: x"), (2.0, "map: a"), (2.5, "map: b"), (4.0, "end:")]
    assert demo._seconds_by_stage(log) == {"start": 2.0, "map": 2.0}


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_its_function(name):
    module = importlib.import_module(STAGES[name].module)
    assert callable(getattr(module, STAGES[name].function))


def test_a_missing_figure_is_a_dash():
    figures = {"name": "x", "seconds": 2.0, "items": 4, "unit": "texts"}
    stages = {"a": {"measurements": [figures]}, "b": {"status": "failed"}}
    (row,) = gpu_check.rows_of(stages)
    assert row[:3] == ["x", "2.000", "2.0 texts/s"]
    figures |= {"flops": 4e9, "limit": 1e10, "device": 0.5, "idle": None}
    (row,) = gpu_check.rows_of(stages)
    assert row[3] == "20.0%"
    assert row[-2] == "25.0%"
    assert math.isnan(row[-1])


def test_an_unknown_stage_is_named(capsys):
    with pytest.raises(SystemExit, match=r"^2$"):
        gpu_check.main(["--stages=machine,demoo"])
    assert "Received: 'demoo'" in capsys.readouterr().err


def test_a_stage_that_fails_leaves_its_traceback():
    stage = gpu_check.run_stage("none", 60, "cpu")
    assert stage["status"] == "failed"
    assert "KeyError: 'none'" in stage["error"]


def test_a_stage_out_of_time_says_what_it_was_at():
    begin = time.monotonic()
    stage = gpu_check.run_stage("demo", 1.5, "cpu")
    assert stage["status"] == "out of time"
    assert stage["at"]["name"]
    assert time.monotonic() - begin < 10


@pytest.mark.slow
def test_the_json_alone_says_where_the_time_goes(tmp_path, capsys):
    path = tmp_path / "check.json"
    typed = [f"--out={path}", "--seconds=150", "--stages=paper,machine"]
    begin = time.monotonic()
    gpu_check.main([*typed, "--device=cpu"])
    assert time.monotonic() - begin < 155
    stages = json.loads(path.read_text())["stages"]
    assert list(stages) == ["machine", "paper"]
    assert {
        *("device", "compute_capability", "driver", "tensorflow_build"),
        *("versions", "environment", "limits", "processor", "cores"),
    } <= set(stages["machine"])
    for stage in stages.values():
        assert {"status", "wall", "budget", "log", "stderr"} <= set(stage)
    (epoch,) = stages["paper"]["measurements"]
    assert {"seconds", "device", "idle", "transfer", "flops"} <= set(epoch)
    assert "of matmul's limit" in capsys.readouterr().out
