"""Kills: the same command again ends with the bytes of an undisturbed run.

At every k-th counted call (a system test as SQLite's), at random moments, up to
four times in a row; SIGTERM and SIGINT must end with a sentence.
"""

import itertools
import random
import signal

from tests.campaign.report import Part

_SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
_SENTENCE = "interrupted"
MOST_IN_A_ROW = 4


def run(jobs, program, *, count, seed, part=None):
    """Kills a program `count` times and resumes it.

    Half of the kills are at counted calls that lie evenly over the program,
    beginning with the first; the others, and the signals, at random moments.

    Returns:
        A `Part`: kind of kill, number, failures.
    """
    draw = random.Random(f"{seed} {program}")
    part = part or Part(f"kills of `{program}`", "kills")
    jobs.done(program)
    jobs.start(program)
    undisturbed = jobs.run(program, calls={})
    part.check("undisturbed, again", jobs.differences(program), undisturbed)
    at_calls = _evenly(undisturbed.count, (count + 1) // 2, draw)
    # Share of the program that has passed, kind, when.
    moments = [
        (number / undisturbed.count, "call", number) for number in at_calls
    ]
    for _ in range(count - len(moments)):
        number = draw.choices((9, 15, 2), (4, 1, 1))[0]
        share = draw.uniform(0.05, 0.95)
        moments.append((share, number, share * undisturbed.seconds))
    draw.shuffle(moments)
    while moments:
        in_a_row = draw.randint(1, MOST_IN_A_ROW)
        # Early ones first: later ones would come after the end.
        chosen = sorted(moments[:in_a_row], key=lambda moment: moment[0])
        _trial(jobs, program, [moment[1:] for moment in chosen], part)
        del moments[:in_a_row]
    return part


def _evenly(total, count, draw):
    """Numbers from 1 to `total`, one at random in each of `count` parts."""
    edges = [round(total * place / count) for place in range(count + 1)]
    return [
        draw.randint(start + 1, max(start + 1, end))
        for start, end in itertools.pairwise(edges)
    ]


def _trial(jobs, program, moments, part):
    """Kills a program at each moment in turn, and lets the last one end."""
    jobs.start(program)
    story = []
    for kind, value in moments:
        if kind == "call":
            ended = jobs.run(program, calls={"at": value})
            story.append(f"call {value} ({ended.hit})")
        else:
            ended = jobs.run(program, signal=(kind, value))
            story.append(f"{signal.Signals(kind).name} at {value:.2f} s")
        name = "call" if kind == "call" else signal.Signals(kind).name
        part.count("SIGKILL at a call" if kind == "call" else name)
        expected = -9 if kind == "call" else _SIGNALS[kind]
        if ended.code == 0:
            part.count("(came after the end)")
            break
        if ended.code != expected:
            part.fail(f"{program}: {story[-1]}: {ended.code}", ended)
        elif expected != -9 and not ended.sentence.startswith(_SENTENCE):
            part.fail(f"{program}: {story[-1]}: no sentence", ended)
    ended = jobs.run(program)
    part.check(
        f"{program}: {', '.join(story)}", jobs.differences(program), ended
    )
