"""Many fresh processes for the price of one: imports once, then forks.

Reads one JSON task per line from stdin and answers with one exit status per
line. A task names what to do, its log, and where to die: at the n-th call of
a function, before or after it.
"""

import json
import os
import pathlib
import signal
import sys

from tests.support import record_sets
from tfrecords import build, command_line, config, process, writer
from tfrecords.units import shard_files, unfinished_set


def main():
    process.prepare()
    # Nothing here runs an operation: a started TensorFlow must not be forked.
    import keras_hub  # noqa: F401
    import sklearn.manifold  # noqa: F401

    from tfrecords.stages import images, stacks  # noqa: F401

    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if not child:
            run(task)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)  # noqa: T201


def run(task):
    with open(task["log"], "wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    status = 1
    signal.alarm(300)  # a hang must fail one test, not stop them all
    try:
        if "kill" in task:
            arm(*task["kill"])
        if "setup" in task:
            exec(task["setup"])
        if task["do"] == "build":
            build.prepare_records(config.RecordsConfig(**task["settings"]))
        else:
            record_sets.write_set(
                pathlib.Path(task["directory"]),
                record_sets.shards_of(task["counts"]),
                side_file=True,
            )
        status = 0
    except command_line.USER_ERRORS as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        status = 3
    finally:
        if status == 1:
            sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(status)


def arm(name, count, when):
    """Kills this process at a call, without any cleanup."""
    owners = {
        "write_shard": writer.RecordWriter,
        "settle": shard_files,
        "_write_journal": unfinished_set.UnfinishedSet,
        "publish": unfinished_set.UnfinishedSet,
    }
    owner = owners.get(name, os)
    wrapped = getattr(owner, name)
    calls = 0

    def armed(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = wrapped(*args, **kwargs)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


if __name__ == "__main__":
    main()
