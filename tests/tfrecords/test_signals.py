"""An interruption arrives, wherever Python is when the signal does."""

import os
import signal
import time
import weakref

import pytest

from tfrecords import signals


class Thing:
    """Can be referred to weakly."""


def test_an_interruption_that_python_drops_comes_again(capsys):
    received = signals.Signals()

    def finalise(reference):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):  # the handler runs, and raises, in here
            pass

    def run():
        thing = Thing()
        reference = weakref.ref(thing, finalise)
        with signals.interrupting(received):
            del thing
            assert reference() is None
            time.sleep(10)
        pytest.fail("the signal was lost")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert received.last == signal.SIGTERM
    assert "ignored" not in capsys.readouterr().err


def test_other_dropped_exceptions_are_reported_as_before(monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", reported.append)
    thing = Thing()
    reference = weakref.ref(thing, lambda _: 1 / 0)
    with signals.interrupting(signals.Signals()):
        del thing
    assert reference() is None
    assert [each.exc_type for each in reported] == [ZeroDivisionError]
