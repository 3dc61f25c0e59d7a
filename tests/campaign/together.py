"""Two at once: both end right, or one says who holds the directory.

Two processes run the same command; the second starts at a random moment of the
first. Then a lock that a dead process on another host has left.
"""

import json
import random
import threading

from tests.campaign.programs import PROGRAMS
from tests.campaign.report import Part
from tests.campaign.server import Server

_REFUSAL = "is already writing"


def run(jobs, program, *, count, seed, part=None):
    """Lets `count` pairs write the same directory.

    Returns:
        A `Part`: how pairs ended, number, failures.
    """
    draw = random.Random(f"{seed} {program}")
    part = part or Part(f"two at once: `{program}`", "pairs")
    jobs.done(program)
    jobs.start(program)
    seconds = jobs.run(program).seconds
    other_place = jobs.place / "second"
    other_place.mkdir(exist_ok=True)
    second = Server(other_place)
    try:
        for _ in range(count):
            _pair(jobs, program, second, draw.random() * seconds, part)
    finally:
        second.close()
    _foreign_locks(jobs, program, part)
    return part


def _pair(jobs, program, second, delay, part):
    jobs.start(program)
    ended = {}

    def follow():
        command = PROGRAMS[program].command
        ended["second"] = second.run(command, jobs.job, delay=delay)

    thread = threading.Thread(target=follow)
    thread.start()
    ended["first"] = jobs.run(program)
    thread.join()
    refused = [name for name, one in ended.items() if one.code]
    story = f"{program}: second after {delay:.1f} s"
    for name in refused:
        if ended[name].fault or _REFUSAL not in ended[name].sentence:
            part.fail(f"{story}: {name}", ended[name])
    if len(refused) == 2:
        part.fail(f"{story}: both refused", ended["first"])
    part.count(f"{' and '.join(refused)} refused" if refused else "both ended")
    differences = jobs.differences(program)
    if differences:
        part.fail(f"{story}: {'; '.join(differences[:4])}")


def _foreign_locks(jobs, program, part):
    """Puts the lock of a dead process of another host into every directory."""
    holder = {"host": "elsewhere", "pid": 1, "since": 0.0}
    jobs.start(program)
    for path in [*jobs.done(program).rglob("*")]:
        name = path.relative_to(jobs.done(program))
        if path.is_dir() and name.parts[0] in ("records", "runs"):
            directory = jobs.job / name
            if directory.is_dir():
                (directory / ".lock").write_text(json.dumps(holder))
    ended = jobs.run(program)
    part.count("lock of a dead process on another host")
    left = [
        line
        for line in jobs.differences(program)
        # A finished set is only read; nothing of ours locks other folders.
        if not line.endswith(".lock left over")
    ]
    part.check(f"{program}: locks of another host", left, ended)
