"""Flags become settings; every ending of a program has its exit code."""

import dataclasses
import importlib
import importlib.metadata
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from tests.support.commands import ROOT
from tfrecords import build, command_line, flags, signals
from tfrecords.config import RecordsConfig
from tfrecords.settings import setting
from trainers.__main__ import COMMANDS


@dataclasses.dataclass(frozen=True)
class Options:
    preset: str = setting(
        "none", "Named settings.", ("none", "wide"), group="common"
    )
    names: tuple[str, ...] = setting((), "Some names.", group="training")
    weights: str = setting("", "One file.", group="training", is_repeated=True)
    resolved: str = "a field without help"


PROGRAM = command_line.Program(
    "some.program",
    "Does what a test asks for.",
    settings=(Options, RecordsConfig),
    presets={
        "none": {},
        "wide": {"image_width": 7, "download": True, "epochs": 3},
    },
)


def parse(*argv, kind=RecordsConfig):
    """Settings that `run` gets from a command line."""
    received = []
    code = command_line.main(PROGRAM, received.append, argv)
    assert code == 0
    return received[0].settings(kind)


def refusal(capsys, main, *argv):
    """Exit code and standard error of a program that must not succeed."""
    try:
        code = main(argv)
    except SystemExit as caught:
        code = caught.code
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def test_nothing_typed_gives_the_defaults():
    assert parse() == RecordsConfig()


@pytest.mark.parametrize(
    ("argv", "width"),
    [
        ((), 50),
        (("--preset=wide",), 7),
        (("--image_width=9",), 9),
        (("--image_width=9", "--preset=wide"), 9),
        (("--preset=wide", "--image_width", "9"), 9),
        # A typed default counts as typed.
        (("--image_width=50", "--preset=wide"), 50),
    ],
)
def test_typed_overrides_preset_overrides_default(argv, width):
    assert parse(*argv).image_width == width


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--dataset=~/r.csv", "dataset", "/home/me/r.csv"),
        ("--records_dir=~/records", "records_dir", "/home/me/records"),
        ("--records_dir=~", "records_dir", "/home/me"),
        ("--encoder=~/bert", "encoder", "/home/me/bert"),
        ("--dataset=~", "dataset", "~"),
        ("--dataset=a/~/b.csv", "dataset", "a/~/b.csv"),
        ("--dataset=imdb_reviews", "dataset", "imdb_reviews"),
    ],
)
def test_home_directory_is_expanded_in_paths(
    monkeypatch, argument, name, value
):
    monkeypatch.setenv("HOME", "/home/me")
    assert getattr(parse(argument), name) == value
    assert getattr(parse(*argument.split("=")), name) == value


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--download", "download", True),
        ("--nodownload", "download", False),
        ("--download=false", "download", False),
        ("--download=True", "download", True),
        ("--compat=1", "compat", True),
        ("--perplexity=5", "perplexity", 5.0),
        ("--text_key=", "text_key", ""),
        ("--text_key=a=b c", "text_key", "a=b c"),
        ("--limit_train=0", "limit_train", 0),
        ("--scaler=standard", "scaler", "standard"),
    ],
)
def test_values_have_the_type_of_their_field(argument, name, value):
    received = getattr(parse("--preset=wide", argument), name)
    assert received == value
    assert type(received) is type(value)


def test_texts_may_come_before_and_after_flags():
    program = dataclasses.replace(PROGRAM, positional=("TEXT", "Texts."))
    typed, rest = flags.parse(program, ["a b", "--text_key=x", "c"])
    assert (typed, rest) == ({"text_key": "x"}, ["a b", "c"])


def test_tuples_are_typed_with_commas_and_repeated_flags_collect():
    options = parse("--names=a,b", "--weights=x", "--weights=y", kind=Options)
    assert options.names == ("a", "b")
    assert options.weights == ["x", "y"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--scaler=norm3", "must be one of norm1, norm2, standard. Received"),
        ("--scaler=standrad", "Did you mean standard?"),
        ("--split=Pooled", "must be one of pooled, official"),
        ("--image_width=wide", "--image_width must be a whole number"),
        ("--perplexity=x", "--perplexity must be a number. Received: x"),
        ("--download=maybe", "--download must be true or false"),
        ("--image_widht=9", "no flag --image_widht. Did you mean --image_widt"),
        ("--resolved=x", "there is no flag --resolved"),
        ("--image_w=9", "there is no flag --image_w"),  # no abbreviations
        ("positional", "expected flags only. Received: positional"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_says_why(
    capsys, argument, message
):
    code, stderr = refusal(
        capsys, lambda argv: command_line.main(PROGRAM, print, argv), argument
    )
    assert code == 2
    assert message in stderr
    assert "See python -m some.program --help" in stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, 0, ""),
        (ValueError("spam"), 1, "error: spam\n"),
        (FileNotFoundError("spam"), 1, "error: spam\n"),
        (command_line.UsageError("spam"), 2, "error: spam\n"),
        (
            KeyboardInterrupt(),
            130,
            "interrupted: run the same command to resume\n",
        ),
    ],
)
def test_every_ending_has_its_exit_code(capsys, error, code, message):
    def run(arguments):
        if error:
            raise error

    assert command_line.main(PROGRAM, run, []) == code
    assert capsys.readouterr().err == message


def test_only_a_program_that_resumes_says_so(capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    program = dataclasses.replace(PROGRAM, resumes=False)
    assert command_line.main(program, interrupt, []) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_programs_that_keep_parts_of_their_work_resume(command):
    program = importlib.import_module(COMMANDS[command]).PROGRAM
    resuming = {"run", "tune", "table", "learning-curve", "build", "im2vec"}
    resuming |= {"multimodal-run", "multimodal-table", "domain-shift"}
    assert program.resumes == (command in resuming)


def test_the_exit_code_of_the_work_is_the_programs():
    assert command_line.main(PROGRAM, lambda arguments: 7, []) == 7


def test_an_error_of_ours_is_not_hidden():
    def run(arguments):
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        command_line.main(PROGRAM, run, [])


def test_verbosity_1_logs_the_trace_of_an_error(capsys):
    def run(arguments):
        raise ValueError("spam")

    assert command_line.main(PROGRAM, run, ["--verbosity=1"]) == 1
    stderr = capsys.readouterr().err
    assert "Traceback" in stderr
    assert stderr.endswith("error: spam\n")


def test_the_check_comes_before_the_work():
    def check(arguments):
        raise ValueError("refused")

    assert command_line.main(PROGRAM, pytest.fail, [], check=check) == 1


def test_help_is_grouped_and_shows_defaults_and_presets(capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.main(PROGRAM, pytest.fail, ["--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Does what a test asks for." in shown
    groups = [shown.index(f" {name}: --") for name in ("common", "records")]
    assert groups == sorted(groups)
    assert "Columns of an image. Default: 50; with --preset=wide: 7." in shown
    assert "--resolved" not in shown


def test_help_of_build_names_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        build.main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    named = set(re.findall(r"^  --(\w+)", shown, re.MULTILINE))
    fields = {
        field.name
        for kind in build.PROGRAM.settings
        for field in dataclasses.fields(kind)
    }
    assert named == fields | {"help", "version", "verbosity"}


def test_version_shows_what_results_depend_on(capsys):
    with pytest.raises(SystemExit) as caught:
        build.main(["--version"])
    assert caught.value.code == 0
    version = importlib.metadata.version("tensorflow")
    assert f"tensorflow {version}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["--image_width=0"], 1, "--image_width must be a whole number in"),
        (["spam"], 2, "spam"),
        (["--spam"], 2, "there is no flag --spam"),
        (["--dataset=none.csv"], 1, "none.csv"),
        (["--layers=last9"], 1, "`layers` must name layers among 0-5"),
        (["--max_tokens=513"], 1, "`max_tokens` must be in [3, 512]"),
        (
            ["--layers=last2", "--channels=layers"],
            1,
            "--channels=layers needs a number of layers",
        ),
        (
            ["--kind=multimodal", "--dataset=x.csv", "--text_layers=6-6"],
            1,
            "`layers` must name layers among 0-5",
        ),
        (["--kind=multimodal"], 1, "--kind=multimodal needs --dataset"),
        (
            ["--kind=multimodal", "--dataset=x.csv", "--scaler=norm1"],
            1,
            "--scaler would have no effect: --kind=multimodal",
        ),
        (
            ["--pooling=first_last", "--layers=last2"],
            1,
            "--layers would have no effect: --pooling=first_last",
        ),
        (
            ["--text_layers=0-1"],
            1,
            "--text_layers would have no effect: --kind=text",
        ),
    ],
)
def test_build_refuses_and_writes_nothing(
    capsys, tmp_path, monkeypatch, argv, code, message
):
    monkeypatch.chdir(tmp_path)
    refused, stderr = refusal(capsys, build.main, *argv)
    assert refused == code
    assert message in stderr
    assert stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_flag_is_offered_once_even_if_two_settings_share_its_name():
    @dataclasses.dataclass(frozen=True)
    class Other:
        dataset: str = setting("x", "Another help.", group="common")

    program = dataclasses.replace(
        PROGRAM, settings=(RecordsConfig, Other), presets={}
    )
    assert flags.parse(program, ["--dataset=y"]) == ({"dataset": "y"}, [])


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda path: path.read_bytes(), "a directory where a file is exp"),
        (lambda path: (path / "new").read_bytes(), "does not exist"),
        (lambda path: (path / "file" / "x").mkdir(), "is below a file"),
        (lambda path: (path / "file").mkdir(), "exists already"),
        (lambda path: (path / ("x" * 300)).mkdir(), "more than 255 bytes"),
        (lambda path: path.rmdir(), "is not empty"),
    ],
)
def test_errors_of_the_system_become_sentences(tmp_path, capsys, work, message):
    (tmp_path / "file").touch()
    assert command_line.main(PROGRAM, lambda _: work(tmp_path), []) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}")
    assert message in error
    assert "Errno" not in error


SIGNALLED = """
import signal, sys, time
# A shell ignores it in what it runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
from tfrecords import command_line
from tfrecords.command_line import Program
program = Program("some.program", "Waits.", settings=())
def wait(arguments):
    print("ready", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        if sys.argv[2] == "spoils":  # as a library in C may
            raise SystemError("bad argument to internal function")
        raise
def work(arguments):
    wait(arguments) if sys.argv[1] == "work" else None
def check(arguments):
    wait(arguments) if sys.argv[1] == "check" else None
sys.exit(command_line.main(program, work, [], check=check))
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
@pytest.mark.parametrize(
    ("when", "then"),
    [
        ("check", "raises"),
        ("check", "spoils"),
        pytest.param("work", "raises", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_program_with_one_sentence(number, code, when, then):
    """`check` runs before TensorFlow is loaded, `work` after that."""
    with subprocess.Popen(
        [sys.executable, "-c", SIGNALLED, when, then],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stderr.endswith("interrupted: run the same command to resume\n")
    assert "Traceback" not in stderr


WITH_CHILDREN = """
import multiprocessing, subprocess, sys, time
from tfrecords import command_line
from tfrecords.command_line import Program
def sleep():
    time.sleep(60)
def check(arguments):
    shell = subprocess.Popen(["sh", "-c", "sleep 60; true"])
    child = multiprocessing.get_context("fork").Process(target=sleep)
    child.start()
    time.sleep(0.5)
    print(shell.pid, child.pid, flush=True)
    child.join()
program = Program("some.program", "Waits.", settings=())
sys.exit(command_line.main(program, print, [], check=check))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_sigterm_stops_the_children_too():
    with subprocess.Popen(
        [sys.executable, "-c", WITH_CHILDREN],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        started = [int(word) for word in process.stdout.readline().split()]
        started += [
            each for child in started for each in signals.children(child)
        ]
        assert len(started) == 3  # the shell's own child among them
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 143
    # A shell may say that its own child was terminated.
    assert "interrupted: run the same command to resume" in stderr.splitlines()
    assert not any(_is_alive(each) for each in started)


def _is_alive(process):
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
