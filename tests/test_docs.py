"""The documentation: links, commands, flags, length and vocabulary."""

import functools
import pathlib
import re

import pytest

from tests.support import commands

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/*.md"),
    )
)
# What a page of today says is what a user types; results are dated history.
CURRENT = [path for path in PAGES if "results" not in path.parts]
_HISTORY = {"BUILD_NOTES.md", "CHANGELOG.md", "decisions.md"}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_COMMAND = re.compile(r"python -m ([a-z][\w.]*)")
_FLAG = re.compile(r"--(\w+)")
_RETIRED = re.compile(r"\bpictures?\b", re.I)
# Where the word is the thing: the glossary, keys on disk, and quotations.
_ALLOWED = ("| image |", "| figure |", "picture_kept")
# Programs of others, and of the checkout, whose flags are not ours.
_FOREIGN = {"pytest", "venv", "pip", "mypy"}
_WITHOUT_FLAGS = {"tools.write_characters", "tools.write_flags_reference"}
_FOREIGN_FLAGS = {
    # tensorflow_model_server
    "batching_parameters_file",
    "enable_batching",
    "model_base_path",
    "model_name",
    "rest_api_port",
    # Apache Beam, Slurm
    *("dask_client_address", "direct_num_workers", "environment_type"),
    *("flink_master", "nthreads", "nworkers", "project", "region"),
    *("sdk_container_image", "temp_location"),
    *("cpus", "gpus", "nodes", "ntasks"),
    # ruff, pytest, docker, saved_model_cli
    *("check", "dist", "dir", "tag_set", "signature_def", "input_exprs"),
}


def name_of(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: pathlib.Path) -> set[str]:
    """The anchors GitHub gives a page's headings."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for target in _LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


def test_the_readme_is_a_front_door():
    assert len(README.read_text("utf-8").splitlines()) <= 110


def test_the_readme_states_the_two_commands():
    text = README.read_text("utf-8")
    assert "pip install . && python -m trainers.run --backbone=resnet" in text
    block = text.split("<!-- tests -->")[1].split("<!-- /tests -->")[0]
    commands = [line.strip() for line in block.splitlines() if line.strip()]
    assert commands == [
        "pip install '.[dev]'",
        "python -m pytest -n 2 --dist loadfile",
    ]


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_no_page_uses_a_retired_word(page):
    if page.name in _HISTORY:
        return
    lines = page.read_text("utf-8").splitlines()
    assert not [
        line
        for line in lines
        if _RETIRED.search(line) and not any(word in line for word in _ALLOWED)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_names_a_module(page):
    if page.name in _HISTORY:
        return
    modules = set(_COMMAND.findall(page.read_text("utf-8"))) - _FOREIGN
    # "python -m benchmarks." heads a table of names.
    modules = {name for name in modules if not name.endswith(".")}
    assert not [name for name in modules if not _can_run(name)]


def _can_run(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


@functools.cache
def flags_of(module: str) -> frozenset[str]:
    """The flags that a program's own `--help` lists."""
    done = commands.run(module, "--help", cwd=ROOT)
    assert done.returncode == 0, f"{module}: {done.stderr}"
    found = re.findall(r"--(?:\[no\]|no-)?(\w+)", done.stdout + done.stderr)
    return frozenset(found)


@functools.cache
def known_flags() -> frozenset[str]:
    """Every flag of every program that some page names."""
    modules = {
        name
        for page in PAGES
        for name in _COMMAND.findall(page.read_text("utf-8"))
        if name not in _FOREIGN | _WITHOUT_FLAGS
        and not name.endswith(".")
        and _can_run(name)
    }
    return frozenset().union(*map(flags_of, sorted(modules)))


@pytest.mark.slow  # each program's --help, once
@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_every_flag_exists_in_some_program(page):
    if page.name in _HISTORY:
        return
    named = set(_FLAG.findall(page.read_text("utf-8")))
    named -= {"no", "help", "version", *_FOREIGN_FLAGS}
    assert not {flag for flag in named if flag not in known_flags()}


def test_python_snippets_import_what_exists():
    text = (ROOT / "docs/reference/python.md").read_text("utf-8")
    ours = re.compile(
        r"^(?:from|import) "
        r"((?:text2image|tfrecords|trainers|text_as_image)[\w.]*)",
        re.M,
    )
    modules = set(ours.findall(text))
    assert modules
    assert not [name for name in modules if not _exists(name)]


def _exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()
