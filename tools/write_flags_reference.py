"""Writes docs/reference/flags.md from the settings of every program.

python -m tools.write_flags_reference
"""

import dataclasses
import importlib
from pathlib import Path
from typing import Any

from tfrecords import flags
from tfrecords.settings import GROUPS
from trainers.__main__ import COMMANDS

PAGE = Path(__file__).parents[1] / "docs/reference/flags.md"
_HEAD = """# Flags

Generated from the settings by `python -m tools.write_flags_reference`; a test
fails when this page is out of date. `--help` of a program says the same.

A switch such as `--export` is turned off by `--export=false`, or by `no` before
its name. Flags that another setting leaves without effect are refused. Every
program also takes `--help`, `--version` and `--verbosity=1`, which logs the
trace of an error.
Exit codes: 0 success, 1 an error that you can fix, 2 wrong usage, 130 Ctrl-C,
143 SIGTERM.

"""


def page() -> str:
    """The whole page, Markdown."""
    programs = {
        name: importlib.import_module(module).PROGRAM
        for name, module in COMMANDS.items()
    }
    contents = "".join(f"- [`{name}`](#{name})\n" for name in programs)
    sections = (_section(name, program) for name, program in programs.items())
    return _HEAD + contents + "".join(sections)


def _section(name: str, program: flags.Program) -> str:
    lines = [f"\n## {name}\n", f"`python -m {program.name}`\n"]
    fields = program.fields().values()
    for group in GROUPS:
        members = [f for f in fields if f.metadata["group"] == group]
        if members:
            lines += [f"\n{group}:\n", "| flag | meaning |", "| --- | --- |"]
            lines += [_row(field, program) for field in members]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _row(field: "dataclasses.Field[Any]", program: flags.Program) -> str:
    text = flags.help_of(field, program).replace("|", "\\|")
    choices = field.metadata["choices"]
    values = f" {', '.join(f'`{c}`' for c in choices)}." if choices else ""
    return f"| `--{field.name}` | {text}{values} |"


def main() -> None:
    """Writes the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
