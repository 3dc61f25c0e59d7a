"""A failing disk: one sentence with path and cause, nothing lost, resumable.

Counted calls fail one after the other, once or from there on; then the limits
of the system on sizes of files and on descriptors, whose errors are real.
"""

import random
import re

from tests.campaign import jobs as jobs_module
from tests.campaign.report import Part

HOWS = ("ENOSPC", "EIO", "EACCES", "EMFILE", "EROFS", "short")
# Bytes: from what no file passes to what only a model does not pass.
_SIZES = (0, 200, 2_000, 20_000, 100_000)
# Descriptors; the interpreter with its libraries holds a dozen.
_DESCRIPTORS = (14, 18, 24, 32, 48)
_SUFFIX = re.compile(r"\.writing(-[0-9a-f]+)?$|\.incomplete$|\.[0-9a-f]{16,}$")
MOST_IN_A_ROW = 3


def run(jobs, program, *, count, seed, part=None):
    """Lets `count` calls fail, then resumes; then limits, as many again.

    Returns:
        A `Part`: kind of fault, number, failures.
    """
    draw = random.Random(f"{seed} {program}")
    part = part or Part(f"failing disk under `{program}`", "faults")
    jobs.done(program)
    jobs.start(program)
    before = jobs_module.tree(jobs.job)
    undisturbed = jobs.run(program, calls={})
    faults = []
    for index in range(count):
        at = 1 + int((index + draw.random()) * undisturbed.count / count)
        how = HOWS[(index + seed) % len(HOWS)]
        faults.append({"at": at, "how": how, "lasts": draw.random() < 0.5})
    draw.shuffle(faults)
    while faults:
        in_a_row = draw.randint(1, MOST_IN_A_ROW)
        chosen = sorted(faults[:in_a_row], key=lambda fault: fault["at"])
        _trial(
            jobs, program, [{"calls": fault} for fault in chosen], before, part
        )
        del faults[:in_a_row]
    if count >= len(_SIZES):
        limits = [{"RLIMIT_FSIZE": size} for size in _SIZES]
        limits += [{"RLIMIT_NOFILE": number} for number in _DESCRIPTORS]
        _trial(
            jobs, program, [{"limits": value} for value in limits], before, part
        )
    return part


def _trial(jobs, program, tasks, before, part):
    """Lets each fault happen in turn, then takes all away."""
    jobs.start(program)
    story = []
    for task in tasks:
        ended = jobs.run(program, **task)
        if "calls" in task:
            fault = task["calls"]
            name = fault["how"] + (" from there on" if fault["lasts"] else "")
            story.append(f"{name} at call {fault['at']} ({ended.hit})")
        else:
            ((name, value),) = task["limits"].items()
            story.append(f"{name} {value}")
        part.count(name)
        if ended.code != 0:
            reason = _reason(ended)
            if reason:
                part.fail(f"{program}: {story[-1]}: {reason}", ended)
        now = jobs_module.tree(jobs.job)
        lost = [
            name
            for name, content in before.items()
            if now.get(name) != content and not name.endswith(".lock")
        ]
        if lost:
            part.fail(f"{program}: {story[-1]}: lost {lost[:4]}")
        if ended.code == 0 and (ended.hit or "limits" in task):
            part.count("(succeeds in spite of it)")
            break
    ended = jobs.run(program)
    part.check(
        f"{program}: {', '.join(story)}", jobs.differences(program), ended
    )


def _reason(ended):
    """What is wrong with the answer to a fault, if anything."""
    if ended.code != 1 or ended.fault:
        return ended.fault or "not exit code 1"
    if not ended.sentence.startswith("error: "):
        return "no sentence"
    if "Errno" in ended.sentence:
        return "the system's words"
    _, _, path = ended.hit.partition(" ")
    if path and not any(name in ended.sentence for name in _names(path)):
        return f"does not name {path}"
    if not path and not re.search(r"[\w-]/[\w-]", ended.sentence):
        return "names no path"
    return ""


def _names(path):
    """Ways to name a file: by its own name or that of its directory."""
    parts = [_SUFFIX.sub("", part) for part in path.split("/")]
    return {parts[-1], "/".join(parts[-3:-1]) or parts[-1]}
