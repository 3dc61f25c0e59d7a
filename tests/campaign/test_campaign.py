"""The campaign with small numbers, and what its harness promises."""

import contextlib
import errno
import json
import os

import pytest

from tests.campaign import (
    __main__,
    calls,
    corruption,
    disk,
    hostile,
    jobs,
    kills,
    report,
    server,
)


@pytest.fixture
def counted(tmp_path):
    place = tmp_path / "job"
    place.mkdir()

    def make(**fault):
        return calls.Calls(str(place), str(tmp_path / "report"), **fault)

    return place, make


def test_calls_below_the_directory_alone_are_counted(tmp_path, counted):
    place, make = counted
    all_calls = make()
    for path in (place / "a", place / "b/c", tmp_path / "job2", tmp_path):
        all_calls.passes("open", path, is_named=True)
    assert all_calls.count == 2


@pytest.mark.parametrize(("lasts", "failing"), [(False, [2]), (True, [2, 3])])
def test_the_chosen_call_fails_and_is_told(tmp_path, counted, lasts, failing):
    place, make = counted
    all_calls = make(at=2, how="EIO", lasts=lasts)
    for number in (1, 2, 3):
        fails = (
            pytest.raises(OSError, match=os.strerror(errno.EIO))
            if number in failing
            else contextlib.nullcontext()
        )
        with fails:
            all_calls.passes("fsync", place / f"{number}", is_named=False)
    told = json.loads((tmp_path / "report").read_text())
    assert told["hit"] == "fsync 2"


def test_a_short_write_is_followed_by_a_full_disk(counted):
    place, make = counted
    with calls._File(make(at=2, how="short"), place / "a", "w", None) as file:
        assert file.write(b"123456") == 3
        with pytest.raises(OSError, match="No space"):
            file.write(b"456")
    assert (place / "a").read_bytes() == b"123"


def test_differences_name_every_file(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name / "folder").mkdir(parents=True)
        (tmp_path / name / "same").write_bytes(b"")
        (tmp_path / name / "folder/changed").write_text(name)
    (tmp_path / "one/gone").touch()
    (tmp_path / "other/.lock").touch()
    trees = [jobs.tree(tmp_path / name) for name in ("one", "other")]
    assert jobs.differences(*trees) == [
        ".lock left over",
        "folder/changed differs",
        "gone missing",
    ]


@pytest.mark.parametrize(
    ("code", "log", "fault"),
    [
        (0, "", ""),
        (1, "error: a", ""),
        (1, "Traceback (most recent call last):\nKeyError", "traceback"),
        ("hangs", "", "hangs"),
        (-11, "", "exit code -11"),
    ],
)
def test_what_no_program_may_do_is_a_fault(code, log, fault):
    assert server.Ended(code, 1.0, log, "").fault == fault


def test_a_part_with_a_failure_says_which(capsys):
    part = report.Part("title", "kills")
    part.count("SIGKILL")
    assert part.check("a", [], server.Ended(0, 1.0, "", ""))
    assert not part.check("b", ["x differs"], server.Ended(0, 1.0, "", ""))
    assert "| failures | 1 |" in part.markdown()
    assert "x differs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("error: runs/a/model.safetensors does not fit on the disk.", ""),
        ("error: A file does not fit.", "does not name"),
        ("error: [Errno 28] No space: runs/a/model.safetensors", "system"),
    ],
)
def test_a_sentence_about_a_disk_names_the_file(sentence, reason):
    ended = server.Ended(
        1, 1.0, sentence, "", hit="write runs/a/model.safetensors.writing"
    )
    answer = disk._reason(ended)
    assert reason in answer
    assert bool(answer) == bool(reason)


@pytest.fixture(scope="module")
def small_jobs(tmp_path_factory):
    with __main__.jobs_at(tmp_path_factory.mktemp("campaign")) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "program", "count"),
    [
        (kills, "build", 3),
        (disk, "build", 2),
        (corruption, "records", 5),
        (hostile, "build", 2),
    ],
)
def test_a_small_campaign_finds_nothing(small_jobs, part, program, count):
    result = part.run(small_jobs, program, count=count, seed=1)
    assert sum(result.counts.values()) >= count
    assert result.failures == []
