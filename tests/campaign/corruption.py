"""Damaged files: named, healed or proven harmless, never silently used.

One file of a job is damaged in one way, then the command that reads it runs.
A damage that it neither names nor heals, because it does not need the file,
must be named by `text-as-image verify`.
"""

import collections
import dataclasses
import random
import re
import shutil

from tests.campaign import jobs as jobs_module
from tests.campaign.report import Part
from tests.support import damages


@dataclasses.dataclass(frozen=True)
class Reader:
    """A job in some state, and the command that reads its files.

    Attributes:
        program: Name of the program.
        pattern: Glob of the files.
        state: Whether the job is as before or after the program, or as a kill
            in the middle of the program's calls leaves it.
        command: Another command than the program's.
        other: Job whose files of the same names are put in place of these.
    """

    program: str
    pattern: str
    state: str = "after"
    command: tuple[str, ...] = ()
    other: str = "export"


READERS = {
    "records": Reader("build", "records/*/*/1.0.0/*", other="build"),
    "shards": Reader("run", "records/*/*/1.0.0/*", "before", other="build"),
    "unfinished-build": Reader(
        "build", "records/*/*/*/*", "killed", other="build"
    ),
    "run": Reader("run", "r*s/**/*"),
    "unfinished-run": Reader("run", "runs/run/*", "killed"),
    "export": Reader(
        "export",
        "runs/run/export/1/**/*",
        command=(
            *("trainers.predict", "--export_dir=runs/run/export/1"),
            "--file=questions.txt",
        ),
    ),
    "encoder": Reader("predict", "tiny_bert/*", "before"),
}
_DAMAGES = ("cut", "emptied", "doubled", "deleted", "other")
# Damages after which nothing is wrong: sets of earlier versions lack the file.
_HARMLESS = {("manifest.sha256", "deleted")}
# Descriptions of records for others: no command reads them.
_UNREAD = ("card.md", "croissant.json")
_FLIPS = 5  # of a file of each kind, for one of each of the others


def run(jobs, reader_name, *, count, seed, part=None):
    """Does `count` damages to the files that a command reads.

    Returns:
        A `Part`: kind of damage and verdict, number, failures.
    """
    reader = READERS[reader_name]
    draw = random.Random(f"{seed} {reader_name}")
    part = part or Part(f"damaged files: `{reader_name}`", "damages")
    state = _make_state(jobs, reader)
    expected = _expect(jobs, reader, state)
    chosen = _choose(state, reader, count, draw)
    if any(damage == "other" for _, damage, _ in chosen):
        jobs.done(f"other-{reader.other}")  # now: it uses the trial's directory
    for path, damage, place in chosen:
        shutil.rmtree(jobs.job)
        shutil.copytree(state, jobs.job, symlinks=True)
        content = _damaged(jobs, reader, path, damage, place)
        target = jobs.job / path
        if content is None:
            target.unlink()
        elif content == target.read_bytes():
            part.count(f"{damage}: no other content (not counted)")
            continue
        else:
            target.write_bytes(content)
        verdict, ended = _judge(jobs, reader, path, damage, expected)
        story = f"{reader_name}: {path} {damage} at {place:.3f}"
        if (
            verdict == "unnoticed"
            and (path.rsplit("/", 1)[-1], damage) in _HARMLESS
        ):
            verdict = "harmless"
        if verdict in ("named", "healed", "harmless", "named by verify"):
            part.count(f"{damage}: {verdict}")
        else:
            part.count(f"{damage}: failed")
            part.fail(f"{story}: {verdict}", ended)
    return part


def _make_state(jobs, reader):
    """Makes the job's directory as the reader finds it."""
    if reader.state == "before":
        jobs.done(reader.program)
        return jobs.base(reader.program)
    if reader.state == "after":
        jobs.done(reader.program)
        return jobs.place / f"after-{reader.program}"
    state = jobs.place / f"killed-{reader.program}"
    if not state.is_dir():
        jobs.start(reader.program)
        count = jobs.run(reader.program, calls={}).count
        jobs.start(reader.program)
        jobs.run(reader.program, calls={"at": int(count * 0.6)})
        shutil.copytree(jobs.job, state, symlinks=True)
    return state


def _expect(jobs, reader, state):
    """Files and output of the reader in an undamaged job."""
    shutil.rmtree(jobs.job, ignore_errors=True)
    shutil.copytree(state, jobs.job, symlinks=True)
    ended = _read(jobs, reader)
    if ended.code:
        raise RuntimeError(f"{reader}: {ended.log}")
    return jobs_module.tree(jobs.job), ended.output


def _read(jobs, reader):
    if reader.command:
        return jobs.server.run(reader.command, jobs.job)
    return jobs.run(reader.program)


def _choose(state, reader, count, draw):
    """Files of each kind with a damage and its place; each kind in turn."""
    kinds = collections.defaultdict(list)
    for path in sorted(state.glob(reader.pattern)):
        name = path.relative_to(state).as_posix()
        if name.startswith("records/") and path.name in _UNREAD:
            continue
        if path.is_file() and path.stat().st_size and "tensorboard" not in name:
            # Shards, versions and fingerprints have numbers.
            kinds[re.sub(r"[0-9a-f]*\d+", "#", name)].append(name)
    if not kinds:
        raise RuntimeError(f"no file of {reader} in {state}")
    wanted = []
    for names in kinds.values():
        ways = [*_DAMAGES, *["flipped"] * _FLIPS]
        draw.shuffle(ways)
        wanted.append(
            [(draw.choice(names), way, draw.random()) for way in ways]
        )
    in_turn = [
        ways[turn] for turn in range(len(_DAMAGES) + _FLIPS) for ways in wanted
    ]
    return in_turn[:count]


def _damaged(jobs, reader, path, damage, place):
    """Content of the damaged file; `None` if it is gone."""
    content = (jobs.job / path).read_bytes()
    if damage == "flipped":
        return damages.flip(content, place)
    if damage != "other":
        return damages.DAMAGES[damage](content)
    # Names of sets hold a fingerprint.
    pattern = re.sub(r"(records/\w+)/[^/]+/", r"\1/*/", path)
    for other in sorted(jobs.done(f"other-{reader.other}").glob(pattern)):
        return other.read_bytes()
    return content


def _judge(jobs, reader, path, damage, expected):
    """Runs the reader; returns a verdict and how it ended."""
    files, output = expected
    before = jobs_module.tree(jobs.job)
    ended = _read(jobs, reader)
    now = jobs_module.tree(jobs.job)
    name = path.rsplit("/", 1)[-1]
    if ended.fault:
        return ended.fault, ended
    if ended.code == 1:
        lost = [
            line
            for line in jobs_module.differences(before, now)
            if line.endswith("missing")
            and not re.search(r"incomplete|\.writing|\.lock", line)
        ]
        if lost:
            return f"lost {lost[:3]}", ended
        # Settings that a directory claims, and the files of an encoder, are
        # named by their directory.
        names = (name, path.removesuffix("/config.json"))
        if path.startswith("tiny_bert/"):
            names += ("'tiny_bert'",)
        if damage == "other":  # what does not fit together is the directory
            names += (path.rsplit("/", 1)[0], path.split("/assets.extra")[0])
        is_named = any(each in ended.log for each in names)
        return ("named" if is_named else "not named"), ended
    if ended.code:
        return "not exit code 1", ended
    if ended.output != output:
        return "silently another output", ended
    others = [
        line
        for line in jobs_module.differences(files, now)
        if not line.startswith(f"{path} ")
    ]
    if others:
        return f"silently other files: {'; '.join(others[:4])}", ended
    if now.get(path) == files.get(path):
        return "healed", ended
    return _ask_verify(jobs, path, name)


def _ask_verify(jobs, path, name):
    """Whether `verify` names a damage that the command did not meet."""
    depth = 4 if path.startswith("records/") else 2
    directory = "/".join(path.split("/")[:depth])
    ended = jobs.server.run(("trainers.verify", directory), jobs.job)
    if ended.fault:
        return f"verify: {ended.fault}", ended
    is_named = ended.code == 1 and name in ended.log + ended.output
    return ("named by verify" if is_named else "unnoticed"), ended
