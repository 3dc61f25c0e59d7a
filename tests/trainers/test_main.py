"""Every program under one name, completed by the shell."""

import os
import subprocess
import sys

import pytest

from tests.support.commands import ROOT
from trainers import __main__ as commands


def completions(line, path):
    """What argcomplete offers at the end of a line."""
    subprocess.run(
        [sys.executable, "-m", "trainers"],
        cwd=ROOT,
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(path),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        check=False,
        timeout=60,
    )
    return [word.strip() for word in path.read_text().split("\n")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("text-as-image verif", ["verify"]),
        ("text-as-image build --split_s", ["--split_seed"]),
        ("text-as-image run --backbone=wi", ["--backbone=wide_resnet"]),
    ],
)
def test_the_shell_completes_commands_flags_and_values(
    line, expected, tmp_path
):
    assert completions(line, tmp_path / "offered") == expected


def test_an_unknown_command_is_refused_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.main(["bild"])
    assert stopped.value.code == 2
    assert "Did you mean build?" in capsys.readouterr().err


def test_without_a_command_all_are_listed(capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.main([])
    assert stopped.value.code == 0
    offered = capsys.readouterr().out
    assert all(f"\n  {name} " in offered for name in commands.COMMANDS)
