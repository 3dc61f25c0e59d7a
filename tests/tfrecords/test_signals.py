"""An interruption arrives, wherever Python is when the signal does."""

import pathlib
import subprocess
import sys
import weakref

from tfrecords import signals

ROOT = pathlib.Path(__file__).parents[2]
# A process of its own: the signal also ends all that it has started.
DROPPED = """
import os, signal, time, weakref
from tfrecords import signals
received = signals.Signals()
class Thing:
    pass
def finalise(reference):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):  # the handler runs, and raises, in here
        pass
thing = Thing()
reference = weakref.ref(thing, finalise)
try:
    with signals.interrupting(received):
        del thing
        assert reference() is None
        time.sleep(10)
except KeyboardInterrupt:
    print("interrupted by", received.last)
"""


class Thing:
    """Can be referred to weakly."""


def test_an_interruption_that_python_drops_comes_again():
    done = subprocess.run(
        [sys.executable, "-c", DROPPED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("interrupted by 15\n", "")
    assert done.returncode == 0


def test_other_dropped_exceptions_are_reported_as_before(monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", reported.append)
    thing = Thing()
    reference = weakref.ref(thing, lambda _: 1 / 0)
    with signals.interrupting(signals.Signals()):
        del thing
    assert reference() is None
    assert [each.exc_type for each in reported] == [ZeroDivisionError]
