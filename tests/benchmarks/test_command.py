"""Every benchmark starts at once and prints what its numbers depend on."""

import argparse
import ast
import importlib
import math
import pathlib
import subprocess
import sys

import pytest

from benchmarks import command, peers, printing

ROOT = pathlib.Path(__file__).parents[2]
HELPERS = (
    "__init__",
    "command",
    "magnitudes",
    "measuring",
    "operations",
    "peers",
    "printing",
    "random_bert",
)
NAMES = sorted(
    path.stem
    for path in (ROOT / "benchmarks").glob("*.py")
    if path.stem not in HELPERS
)


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_is_timed_and_lists_the_flags(name, capsys):
    module = importlib.import_module(f"benchmarks.{name}")
    with pytest.raises(SystemExit, match=r"^0$"):
        module.main(["--help"])
    shown = capsys.readouterr().out
    assert module.__doc__.splitlines()[0] in shown
    assert f"python -m benchmarks.{name}" in shown
    assert shown.count("  --") > 1


def test_help_of_no_benchmark_imports_anything_heavy():
    modules = ", ".join(f"benchmarks.{name}" for name in NAMES)
    finished = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded = {name.split(".")[0] for name in finished.stdout.split()}
    assert "benchmarks" in loaded
    assert not loaded & {"tensorflow", "keras", "sklearn", "matplotlib"}


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_set_before_a_framework_is_imported(name):
    # TensorFlow and XLA read it once, when they are loaded.
    source = (ROOT / "benchmarks" / f"{name}.py").read_text("utf-8")
    (main,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    (start,) = (
        node.lineno
        for node in ast.walk(main)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("command.start", "command.prepare")
    )
    for node in ast.walk(main):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert node.lineno > start, ast.unparse(node)


def test_a_shared_flag_without_effect_is_not_offered(capsys):
    parser = command.parser("Doc.", without=("clock",))
    assert parser.parse_args(["--rounds=2"]).rounds == 2
    with pytest.raises(SystemExit, match=r"^2$"):
        parser.parse_args(["--clock=wall"])
    assert "--clock" in capsys.readouterr().err


def test_texts_are_the_first_of_the_corpus():
    few = command.read_texts("demo", None, 2)
    assert len(few) == 2
    assert command.read_texts("demo", None, 3)[:2] == few


def test_the_output_names_flags_and_versions(capsys, monkeypatch):
    for name in ("TQDM_DISABLE", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "1")  # restored after the test
    command.prepare(argparse.Namespace(rows=7), "keras", "a-missing-peer")
    shown = capsys.readouterr().out
    assert "--rows=7" in shown
    assert "numpy " in shown
    assert "a-missing-peer not installed" in shown


def test_a_missing_peer_is_named_with_the_way_to_install_it(capsys):
    assert peers.import_peer("a_peer_that_nobody_has") is None
    shown = capsys.readouterr().out
    assert "a_peer_that_nobody_has" in shown
    assert "requirements-peers.txt" in shown
    assert (ROOT / "benchmarks/requirements-peers.txt").is_file()


def test_a_missing_number_is_a_dash(capsys):
    printing.print_table(
        ("side", "rate"), [("ours", printing.ratio(1.0, math.nan))]
    )
    assert "| ours | - |" in capsys.readouterr().out
