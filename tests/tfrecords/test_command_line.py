"""Typed flags go over the preset, the preset over the defaults."""

import dataclasses
import functools
import os
import subprocess
import sys
import time

import pytest
from absl import flags as absl_flags
from absl import logging

from tests.support import commands, record_sets
from tfrecords import command_line, config


@pytest.fixture
def parse(monkeypatch):
    """Parses a command line with the flags of `RecordsConfig`."""
    values = absl_flags.FlagValues()
    monkeypatch.setattr(absl_flags, "FLAGS", values)
    for kind, define in list(command_line._DEFINE.items()):
        monkeypatch.setitem(
            command_line._DEFINE,
            kind,
            lambda *a, d=define: d(*a, flag_values=values),
        )
    enum = absl_flags.DEFINE_enum
    monkeypatch.setattr(
        absl_flags, "DEFINE_enum", lambda *a: enum(*a, flag_values=values)
    )
    command_line.define_flags(config.RecordsConfig)

    def run(*arguments, preset=()):
        values(["program", *arguments])
        return command_line.settings_from_flags(
            config.RecordsConfig, dict(preset)
        )

    return run


def test_nothing_typed_gives_the_defaults(parse):
    assert parse() == config.RecordsConfig()


@pytest.mark.parametrize(
    ("typed", "preset", "expected"),
    [
        ((), {}, 50),
        ((), {"image_width": 7}, 7),
        (("--image_width=9",), {}, 9),
        (("--image_width=9",), {"image_width": 7}, 9),
        # Typing the default is typing, too.
        (("--image_width=50",), {"image_width": 7}, 50),
        ((), {"image_width": None}, 50),
    ],
)
def test_typed_goes_over_preset_over_default(parse, typed, preset, expected):
    assert parse(*typed, preset=preset).image_width == expected


def test_a_presets_other_settings_are_left_to_others(parse):
    found = parse(preset={"epochs": 3, "scaler": "norm2"})
    assert found == config.RecordsConfig(scaler="norm2")


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--download", "download", True),
        ("--nodownload", "download", False),
        ("--compat=true", "compat", True),
        ("--perplexity=5", "perplexity", 5.0),
        ("--text_key=", "text_key", ""),
        ("--limit_train=0", "limit_train", 0),
        ("--scaler=standard", "scaler", "standard"),
    ],
)
def test_flags_have_the_type_of_their_field(parse, argument, name, value):
    preset = {"download": True, "text_key": "x", "limit_train": 5}
    found = getattr(parse(argument, preset=preset), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ("--scaler=spam", "norm1"),
        ("--image_width=wide", "image_width"),
        ("--perplexity=x", "perplexity"),
        ("--spam=1", "spam"),
        ("--split=Pooled", "pooled"),
    ],
)
def test_flags_that_cannot_be_are_refused(parse, argument, match):
    with pytest.raises(absl_flags.Error, match=match):
        parse(argument)


def test_values_are_checked_as_settings(parse):
    with pytest.raises(ValueError, match="--image_width must be at least 1"):
        parse("--image_width=0")
    with pytest.raises(ValueError, match="--scaler must be one of"):
        parse(preset={"scaler": "spam"})


def test_fields_without_a_help_have_no_flag(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Outer:
        records: config.RecordsConfig | None = None

    monkeypatch.setattr(absl_flags, "FLAGS", absl_flags.FlagValues())
    command_line.define_flags(Outer)
    assert "records" not in absl_flags.FLAGS


def test_a_failure_is_one_line_and_exit_code_1(capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.fail(ValueError("spam"))
    assert caught.value.code == "error: spam"  # Python's exit code is 1


command = functools.partial(commands.run, "tfrecords.build")


def test_help_names_every_flag_without_importing_tensorflow(tmp_path):
    start = time.process_time(), os.times().children_user
    done = command("--help", cwd=tmp_path)
    # Seconds of the processor: a busy machine does not count.
    assert os.times().children_user - start[1] < 2.0
    for field in dataclasses.fields(config.RecordsConfig):
        assert f"{field.name}" in done.stdout
    assert "python -m tfrecords.build --dataset" in done.stdout
    assert not done.stderr
    code = "import sys, tfrecords.build; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=record_sets.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"tensorflow", "keras", "sklearn", "tensorflow_datasets", "scipy"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image_width=0"], "error: --image_width must be at least 1"),
        (["spam"], "Expected flags only. Received: ['spam']"),
        (["--spam"], "Unknown command line flag 'spam'"),
        (["--scaler=spam"], "one of <norm1|norm2|standard>"),
    ],
)
def test_a_wrong_command_line_is_explained(tmp_path, arguments, message):
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_messages_are_plain_and_a_users_environment_stands():
    formatter = logging.get_absl_handler().formatter
    handler = logging.get_absl_handler()
    filters = list(handler.filters)
    environment = dict(os.environ)
    try:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
        del os.environ["KERAS_BACKEND"]
        command_line.prepare_process()
        assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
        record = logging.get_absl_logger().makeRecord(
            "absl", 20, "x.py", 1, "stacks: %d", (3,), None
        )
        assert handler.format(record) == "stacks: 3"
        assert os.environ["KERAS_BACKEND"] == "tensorflow"
    finally:
        handler.setFormatter(formatter)
        handler.filters = filters
        os.environ.clear()
        os.environ.update(environment)
