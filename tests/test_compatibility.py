"""A job made by an earlier version of this project is still whole.

`golden/README_finished_job.md` says what the job is and what a failure means.
Only programs and `trainers.load` are called, so that this file outlives every
renaming of modules.
"""

import functools
import json
import os
import pathlib
import shutil
import tarfile

import pytest

from tests.golden import finished_job
from tests.support import commands

_GOLDEN = pathlib.Path(__file__).parent / "golden"


@functools.cache
def _expected():
    with tarfile.open(finished_job.ARCHIVE) as archive:
        return json.load(archive.extractfile("expected.json"))


@functools.cache
def _is_same_machine():
    return (
        finished_job.describe_machine() == _expected()["machine"]
        and os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
        and "ONEDNN_MAX_CPU_ISA" not in os.environ
    )


def _assert_equal(received, expected, path="", tolerance=None):
    """Equal JSON values; numbers to the last bit where that can be asked.

    Elsewhere the same products are added in other orders. Measured on one
    core without oneDNN, or with its AVX2 code: up to 1.4e-4 on logits and
    4e-5 on probabilities; hence 1e-3.
    """
    if tolerance is None and not _is_same_machine():
        tolerance = 1e-3
    if isinstance(expected, dict):
        assert sorted(received) == sorted(expected), path
        names = expected
    elif isinstance(expected, list):
        assert len(received) == len(expected), path
        names = range(len(expected))
    elif isinstance(expected, float) and tolerance:
        assert received == pytest.approx(
            expected, rel=tolerance, abs=tolerance
        ), path
        return
    else:
        assert received == expected, path
        return
    for name in names:
        _assert_equal(
            received[name], expected[name], f"{path}/{name}", tolerance
        )


def _unpack(directory):
    finished_job.unpack(directory)
    shutil.copytree(_GOLDEN / "tiny_bert", directory / "tiny_bert")
    return directory


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The job, unpacked once; no test may change a file of it."""
    directory = _unpack(tmp_path_factory.mktemp("job"))
    before = _snapshot(directory)
    yield directory
    assert _snapshot(directory) == before


@pytest.fixture
def own_job(tmp_path):
    """The job, for one test that writes to it."""
    return _unpack(tmp_path / "job")


@pytest.fixture(scope="module")
def places():
    return _expected()["places"]


def _snapshot(directory):
    """Path to bytes and time of change, of every file below."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def _run(directory, module, *flags):
    done = commands.run(module, *flags, cwd=directory)
    assert done.returncode == 0, done.stderr
    return done


def _json_lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.mark.slow
def test_records_are_whole(job, places):
    records = [places[kind] for kind in ("cls", "image", "multimodal")]
    done = _run(job, "tfrecords.verify", *records)
    assert done.stdout.count(": ok\n") == len(records)


@pytest.mark.slow
def test_plain_libraries_and_load_read_what_was_written(job, places):
    """Records through TFDS, the export through TensorFlow, a run's model."""
    done = _run(job, *finished_job.readings(places))
    expected = _expected()["readings"]
    received = json.loads(done.stdout)
    assert received["records"] == expected["records"]
    _assert_equal(received["answers"], expected["answers"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("run", "workdir"), ("export", "export_dir")],
)
@pytest.mark.slow
def test_texts_get_the_answers_that_were_kept(job, places, name, kind):
    done = _run(job, *finished_job.predict(places, name, kind))
    expected = _json_lines(_expected()["predict"])
    assert len(expected) > 15
    _assert_equal(_json_lines(done.stdout), expected)


@pytest.mark.slow
def test_samples_get_the_answers_that_were_kept(job, places):
    done = _run(job, *finished_job.predict(places, "multimodal_run"))
    expected = _json_lines(_expected()["multimodal_predict"])
    assert len(expected) == 24
    _assert_equal(_json_lines(done.stdout), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module", "num_reused"),
    [
        ("run", "trainers.run", 4),
        pytest.param(
            *("multimodal_run", "trainers.multimodal.run", 2),
            marks=pytest.mark.slow,
        ),
        pytest.param("im2vec", "trainers.im2vec", 1, marks=pytest.mark.slow),
    ],
)
def test_the_same_command_finds_everything_it_made(
    own_job, places, name, module, num_reused
):
    """The names of directories are fingerprints of settings and contents."""
    flags = {
        "run": finished_job.RUN,
        "multimodal_run": finished_job.MULTIMODAL,
        "im2vec": (f"--dataset={places['image']}", *finished_job.IM2VEC),
    }[name]
    directories = sorted(path for path in own_job.rglob("*") if path.is_dir())
    before = _snapshot(own_job)
    done = _run(own_job, module, *flags)
    assert "making" not in done.stderr
    # A report is written again where its wording has changed since.
    reused = done.stderr.count("reusing") - done.stderr.count("report: reusing")
    assert reused == num_reused, done.stderr
    after = _snapshot(own_job)
    workdir = own_job / places[name]
    for path, value in before.items():
        # What the command writes again: the report and copies of the map.
        rewritten = path.parent == workdir and (
            path.name == "report.md"
            or path.name.startswith(("records.json", "pixel_map", "manifest"))
        )
        if not rewritten:
            assert after[path] == value, path
        elif path.name != "report.md":
            assert after[path][0] == value[0], path
    assert directories == sorted(
        path for path in own_job.rglob("*") if path.is_dir()
    )


@pytest.mark.slow
def test_a_run_killed_by_then_resumes_to_the_same_figures(own_job, places):
    killed, finished = own_job / places["killed"], own_job / places["run"]
    (first,) = (killed / "history.csv").read_text().splitlines()[1:]
    _run(
        own_job,
        "trainers.run",
        *finished_job.RUN,
        f"--workdir={places['killed']}",
        "--nobaselines",
        "--noexport",
    )
    # One epoch was trained, not two: each leaves a file of events.
    assert len(list((killed / "tensorboard/train").iterdir())) == 1
    lines = (killed / "history.csv").read_text().splitlines()
    assert lines[1] == first
    assert len(lines) == 3
    received, expected = (
        json.loads((directory / "metrics.json").read_text())
        for directory in (killed, finished)
    )
    # Recorded since.
    later = {name: received.pop(name) for name in set(received) - set(expected)}
    assert set(later) == {"device", "precision", "jit_compile"}
    # Of the bytes of the weights: the steps add in another order since.
    del received["model_sha256"], expected["model_sha256"]
    _assert_equal(received, expected, tolerance=1e-3)
