"""Other places and environments: the same bytes, or a sentence.

Each in a process of its own, started as a user starts it.
"""

import os
import shutil
import subprocess
import sys

from tests.campaign import jobs as jobs_module
from tests.campaign import programs
from tests.campaign.report import Part
from tests.campaign.server import ENVIRONMENT, Ended
from tests.support.commands import ROOT

_LONG = "d" * 200
# Name to changes of the environment (`None`: not set), folder of the job, and
# what precedes the command.
PLACES = {
    "no HOME": ({"HOME": None}, "job", ()),
    "HOME that does not exist": ({"HOME": "/nowhere/at/all"}, "job", ()),
    "LANG=C, LC_ALL=C": ({"LANG": "C", "LC_ALL": "C"}, "job", ()),
    "LC_ALL=POSIX, PYTHONUTF8=0": (
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "job",
        (),
    ),
    "no TMPDIR": ({"TMPDIR": None}, "job", ()),
    "TZ=Asia/Kathmandu": ({"TZ": "Asia/Kathmandu"}, "job", ()),
    "PYTHONHASHSEED=7": ({"PYTHONHASHSEED": "7"}, "job", ()),
    "one core": ({}, "job", ("taskset", "-c", "0")),
    "path with blanks": ({}, "a b  c", ()),
    "path with quotes": ({}, "a 'b' \"c\" $d `e`", ()),
    "path with other letters": ({}, "ä電影\N{SNOWMAN}", ()),
    "path of 200 characters": ({}, _LONG, ()),
    "path with glob characters": ({}, "[a]*{b,c}?", ()),
}


def run(jobs, program, *, count, seed, part=None):
    """Runs a program in the first `count` places, from number `seed` on.

    Returns:
        A `Part`: place, number, failures.
    """
    part = part or Part(f"elsewhere: `{program}`", "places")
    jobs.done(program)
    names = [*PLACES][seed:][:count]
    for name in names:
        environment, folder, prefix = PLACES[name]
        directory = jobs.place / folder
        shutil.rmtree(jobs.job, ignore_errors=True)
        shutil.copytree(jobs.base(program), directory, symlinks=True)
        ended = _run(program, directory, environment, prefix)
        received = jobs_module.tree(directory)
        differences = jobs_module.differences(
            jobs_module.tree(jobs.done(program)), received
        )
        part.count(name)
        part.check(f"{program}: {name}", differences, ended)
        shutil.rmtree(directory)
    return part


def _run(program, directory, changes, prefix):
    values = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), **changes}
    module, *flags = programs.PROGRAMS[program].command
    process = subprocess.run(
        [*prefix, sys.executable, "-m", module, *flags],
        cwd=directory,
        env={name: v for name, v in values.items() if v is not None},
        capture_output=True,
        check=False,
        timeout=600,
    )
    log, output = (
        text.decode(errors="replace")
        for text in (process.stderr, process.stdout)
    )
    return Ended(process.returncode, 0, log, output)
