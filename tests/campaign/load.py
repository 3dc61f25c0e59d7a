"""Long load: four clients for `--count` seconds; same answers, flat memory.

The export answers batches of one to eight texts, from empty ones to long ones.
"""

import os
import pathlib
import random
import threading
import time

import matplotlib.figure
import numpy as np

from tests.campaign.report import Part
from trainers.reports import figures
from trainers.serving import saved_model
from trainers.serving.functions import on_strings

FIGURE = "memory.png"
_CLIENTS = 4
_WORDS = ("a", "dull", "great", "love", "hate", "film", "the", "naïve", "映画")
_LONGEST = 200  # words of a text
_NUM_TEXTS = 64
# Growth of memory after the first half of the time that is still called flat.
_MOST_GROWTH = 0.02


def run(jobs, program, *, count, seed, part=None):
    """Loads an export with four clients for `count` seconds.

    Returns:
        A `Part`: requests, texts, memory, failures. The curve of the memory
        is `memory.png` in the place of the jobs.
    """
    del program
    part = part or Part(f"{_CLIENTS} clients for {count} s", "what")
    export = jobs.done("export") / "runs" / "run" / "export"
    signatures, _ = saved_model.load(export)
    answer = on_strings(signatures["serving_default"])
    texts = _texts(random.Random(seed))
    expected = [answer(text=[text]) for text in texts]
    stop = time.monotonic() + count
    clients = [
        threading.Thread(
            target=_ask,
            args=(answer, texts, expected, random.Random(f"{seed} {n}")),
            kwargs={"stop": stop, "part": part},
        )
        for n in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    memory = []
    while any(client.is_alive() for client in clients):
        memory.append(_resident_mb())
        time.sleep(min(1, count / 20))
    _check(memory, part)
    figures.save(_draw(memory, count), jobs.place / FIGURE)
    return part


def _texts(draw):
    """Texts of 0 to 200 words, each once."""
    lengths = np.linspace(0, _LONGEST, _NUM_TEXTS).astype(int)
    return [
        " ".join(draw.choice(_WORDS) for _ in range(length)).encode()
        for length in lengths
    ]


def _ask(answer, texts, expected, draw, *, stop, part):
    while time.monotonic() < stop:
        chosen = draw.choices(range(len(texts)), k=draw.randint(1, 8))
        received = answer(text=[texts[i] for i in chosen])
        part.count("requests")
        part.count("texts", len(chosen))
        for name, values in received.items():
            alone = np.concatenate([expected[i][name] for i in chosen])
            if not np.array_equal(values, alone):
                part.fail(f"{name} of the texts {chosen} differs from alone")


def _resident_mb():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _check(memory, part):
    half = len(memory) // 2
    quarter = max(half // 2, 1)
    middle = np.mean(memory[half : half + quarter])
    end = np.mean(memory[-quarter:])
    part.count("MB after half the time", round(middle))
    part.count("MB at the end", round(end))
    if end > middle * (1 + _MOST_GROWTH):
        part.fail(f"memory grows from {middle:.0f} to {end:.0f} MB")


def _draw(memory, seconds):
    figure = matplotlib.figure.Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.linspace(0, seconds, len(memory)), memory)
    axes.set_ylim(0, None)
    axes.set_xlabel("seconds")
    axes.set_ylabel("resident memory (MB)")
    axes.grid(alpha=0.3)
    return figure
