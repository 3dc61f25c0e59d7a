"""Imports go one way, and light modules stay light."""

import ast
import importlib
import re
import subprocess
import sys

import pytest

from tests.support.commands import ROOT
from tfrecords import flags
from tfrecords.settings import GROUPS
from trainers.__main__ import COMMANDS

# A package may import itself and those to its right.
ORDER = ("text_as_image", "trainers", "tfrecords", "text2image")
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


# Within a package, a file imports its own room (a folder, or a file beside the
# folders) and rooms on lower floors. Rooms of one floor do not know each other.
FLOORS = {
    "text_as_image": (("layers",),),
    "trainers": (
        ("__main__",),
        ("estimators",),
        (
            *("run", "table", "tune", "learning_curve", "domain_shift"),
            *("verify", "list_runs"),
        ),
        ("ignored_flags",),
        ("selection",),
        ("multimodal", "im2vec", "voting", "shift"),
        ("predict", "export", "explain", "page"),
        ("pages",),
        ("reports",),
        ("explanations",),
        ("peers",),
        ("experiments", "tuning"),
        ("training", "serving"),
        ("runs",),
        ("network",),
        ("distribution",),
        ("weights",),
        ("config", "group_options"),
        ("backbones", "presets", "shared_settings"),
    ),
    "tfrecords": (
        ("build", "verify"),
        ("stages", "faults"),
        ("writer",),
        ("units",),
        ("reader",),
        ("tfds_metadata", "croissant", "data_card"),
        ("schema", "jpeg"),
        ("manifest_files",),
        ("stacks_flags",),
        ("command_line",),
        ("multimodal_config",),
        ("config", "devices", "flags", "process", "shard_checks"),
        ("corpus_config", "encoder_config", "map_config"),
        ("settings", "files", "versions", "image_header", "signals", "presets"),
        ("flag_values", "leases", "system_errors", "shard_lists", "ranges"),
        ("paths",),
        ("gfiles",),
    ),
    "text2image": (
        ("corpora", "bert", "deepinsight"),
        ("allowed_ops", "assets", "cpu", "devices"),
        ("torch_reader",),
        (
            "figure_text",
            "file_signatures",
            "hashes",
            "options",
            "python_errors",
            "text_lists",
            "torch_unpickler",
        ),
    ),
}


@pytest.mark.parametrize("folder", [*ORDER, "benchmarks", "tools"])
def test_no_file_has_more_than_300_lines(folder):
    for path in (ROOT / folder).rglob("*.py"):
        num_lines = len(path.read_text("utf-8").splitlines())
        assert num_lines <= 300, path.relative_to(ROOT)


def room_of(name):
    return name.split(".")[1] if "." in name else "__init__"


@pytest.mark.parametrize("package", ORDER)
def test_every_room_has_a_floor(package):
    rooms = {
        path.stem
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    floors = [room for floor in FLOORS[package] for room in floor]
    assert sorted(rooms - {"__init__"}) == sorted(floors)


@pytest.mark.parametrize("package", ORDER)
def test_rooms_import_only_rooms_on_lower_floors(package):
    floor_of = {
        room: floor
        for floor, rooms in enumerate(FLOORS[package])
        for room in rooms
    }
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        room = parts[1]
        if room == "__init__":
            continue
        for name in imported(path):
            if name.split(".")[0] != package or "." not in name:
                continue
            other = room_of(name)
            if room != other and floor_of.get(other, 99) <= floor_of[room]:
                wrong.append(f"{path.relative_to(ROOT)} -> {name}")
    assert not wrong


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
        (("text_as_image",), (*HEAVY, "numpy", "scipy")),
        (("text2image.corpora.texts", "text2image.corpora.split"), HEAVY),
        (("trainers.config", "tfrecords.config"), (*HEAVY, "numpy", "scipy")),
        (
            ("trainers.im2vec.config",),
            (*HEAVY, "numpy", "scipy"),
        ),
    ],
)
def test_light_modules_stay_light(modules, absent):
    loaded = loaded_by("-c", f"import {', '.join(modules)}; {REPORT}")
    assert {name.split(".")[0] for name in modules} <= loaded
    assert not loaded & set(absent)


# What `python -m` runs: a package's `__main__` by the package's name.
PROGRAMS = [name.removesuffix(".__main__") for name in COMMANDS.values()]


@pytest.mark.parametrize("program", [*PROGRAMS, "trainers"])
def test_help_imports_nothing_heavy(program):
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print('MODULES', *sys.modules))\n"
        f"sys.argv = [{program!r}, '--help']\n"
        f"runpy.run_module({program!r}, run_name='__main__', alter_sys=True)\n"
    )
    loaded = loaded_by("-c", code)
    assert "argparse" in loaded
    assert not loaded & set(HEAVY)


def help_of(command):
    module = importlib.import_module(COMMANDS[command])
    return flags.build_parser(module.PROGRAM).format_help()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_comes_in_groups_the_common_flags_first(command):
    groups = re.findall(r"^(\w+):$", help_of(command), re.MULTILINE)
    groups = [name for name in groups if name in GROUPS or name == "about"]
    assert groups == [n for n in (*GROUPS, "about") if n in groups]
    assert groups[-1] == "about"


def test_the_common_flags_of_a_run_are_few():
    common = help_of("run").split("\ncommon:")[1].split("\n\n")[0]
    assert len(re.findall(r"^  --", common, re.MULTILINE)) == 10


@pytest.mark.parametrize(
    "command", ["run", "table", "build", "multimodal-run", "multimodal-table"]
)
def test_help_lists_the_flags(command):
    offered = help_of(command)
    for flag in ("--dataset", "--encoder", "--max_tokens", "--split"):
        assert flag in offered
    # Images of texts are no part of multimodal records.
    assert ("--projection" in offered) == ("multimodal" not in command)
    # What a preset sets is no secret.
    shown = " ".join(offered.split())
    of_preset = "paper: 300" if "multimodal" in command else "imdb: 128"
    assert (f"with --preset={of_preset}" in shown) == ("--preset " in shown)


@pytest.mark.parametrize("command", ["export", "multimodal-export"])
def test_help_of_an_export_lists_the_flags(command):
    offered = re.findall(r"^  --(\w+) ", help_of(command), re.MULTILINE)
    about = ["device", "deterministic", "help", "version", "verbosity"]
    if command == "export":
        about.append("export_batching")
    assert sorted(offered) == sorted(["encoder", "out", "workdir", *about])


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
