"""Imports go one way, and light modules stay light."""

import ast
import re
import subprocess
import sys

import pytest

from tests.support import commands
from tests.support.commands import ROOT

# A package may import itself and those to its right.
ORDER = ("trainers", "tfrecords", "text2image")
HEAVY = ("tensorflow", "keras", "keras_hub", "sklearn", "matplotlib", "jax")


def imported(path):
    """Names of all modules a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ORDER)
def test_packages_import_only_to_the_right(package):
    forbidden = {*ORDER[: ORDER.index(package)], "tests", "benchmarks", "tools"}
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        packages = {name.split(".")[0] for name in imported(path)}
        assert not packages & forbidden, path.relative_to(ROOT)


@pytest.mark.parametrize("package", ORDER)
def test_modules_do_not_import_in_circles(package):
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    uses = {
        name: set(imported(path)) & files.keys() for name, path in files.items()
    }
    while free := {name for name, used in uses.items() if not used}:
        uses = {
            name: used - free for name, used in uses.items() if name not in free
        }
    assert not uses


def loaded_by(*arguments):
    """Top-level packages that a fresh interpreter has after a statement."""
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return {
        name.split(".")[0]
        for name in finished.stdout.split("MODULES")[-1].split()
    }


PROGRAMS = (
    "trainers.run",
    "trainers.table",
    "trainers.multimodal.run",
    "trainers.multimodal.table",
    "tfrecords.build",
)
REPORT = "import sys; print('MODULES', *sys.modules)"


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (
            (
                "text2image.deepinsight.pixel_map",
                "text2image.deepinsight.render",
                "text2image.deepinsight.scaling",
                "text2image.deepinsight.geometry",
            ),
            HEAVY,
        ),
        (
            (
                "text2image.deepinsight.projection",
                "text2image.deepinsight.statistics",
            ),
            HEAVY,
        ),
        (("text2image.corpora.texts", "text2image.corpora.split"), HEAVY),
        (("trainers.config", "tfrecords.config"), (*HEAVY, "numpy", "scipy")),
        (
            ("trainers.im2vec.config", "trainers.im2vec.experiment"),
            (*HEAVY, "numpy", "scipy"),
        ),
    ],
)
def test_light_modules_stay_light(modules, absent):
    loaded = loaded_by("-c", f"import {', '.join(modules)}; {REPORT}")
    assert {name.split(".")[0] for name in modules} <= loaded
    assert not loaded & set(absent)


@pytest.mark.parametrize(
    "program",
    [
        *PROGRAMS,
        "trainers.im2vec",
        "trainers.export",
        "trainers.predict",
        "trainers.multimodal.export",
        "trainers.multimodal.predict",
    ],
)
def test_help_imports_nothing_heavy(program):
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print('MODULES', *sys.modules))\n"
        f"sys.argv = [{program!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_module({program!r}, run_name='__main__')\n"
        "except SystemExit:\n"
        "    pass\n"
    )
    loaded = loaded_by("-c", code)
    assert "absl" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_lists_the_flags(program):
    finished = commands.run(program, "--help", cwd=ROOT)
    # absl ends --help with 1.
    assert finished.returncode in (0, 1), finished.stderr
    offered = finished.stdout.replace("--[no]", "--")
    for flag in ("--dataset", "--encoder", "--max_tokens", "--split"):
        assert flag in offered
    # Pictures of texts are no part of multimodal records.
    assert ("--projection" in offered) == ("multimodal" not in program)
    # What a preset sets is no secret.
    shown = " ".join(offered.split())
    assert ("with --preset=imdb: 128" in shown) == ("--preset:" in offered)
    # There is no demo of those either.
    assert ("demo (shipped" in offered) == ("multimodal" not in program)


@pytest.mark.parametrize(
    "program", ["trainers.export", "trainers.multimodal.export"]
)
def test_help_of_an_export_lists_the_flags(program):
    shown = commands.run(program, "--help", cwd=ROOT).stdout
    assert re.findall(r"^  --(\w+) TEXT", shown, re.MULTILINE) == [
        "workdir",
        "out",
        "encoder",
    ]


FORBIDDEN = (
    "pickle",
    "ignore_errors",
    "load_model",
    "torch.load",
    "extractall",
)


def test_no_call_that_runs_foreign_code_or_hides_errors():
    for package in ORDER:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = ast.unparse(node.func)
                assert not name.endswith(FORBIDDEN), f"{path}: {name}"
                assert name not in ("eval", "exec"), f"{path}: {name}"
                for keyword in node.keywords:
                    if keyword.arg == "allow_pickle":
                        assert keyword.value.value is False, path
