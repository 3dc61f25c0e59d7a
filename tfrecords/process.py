"""The process of a program: its environment, its log, a quiet TensorFlow."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from logging import ERROR, Formatter, LogRecord

from absl import flags, logging

# Set in every program, unless the user sets them. oneDNN's convolutions, also
# on processors where TensorFlow does not choose them by default: up to 1.7
# times as fast forward through a slice, four times as fast backward through
# small feature maps (docs/results/speed.md).
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
# The encoder runs several XLA programs at once. One thread per program: threads
# that share a program wait for each other between its products.
_XLA_FLAG = "--xla_cpu_multi_thread_eigen=false"
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_FOREIGN = re.compile(
    r"[/\\](tensorflow|tensorflow_datasets|keras|matplotlib|numba|apache_beam)[/\\]"
)
# Lines that TensorFlow's libraries print while loading, on every machine.
_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog"
    r"|I0000 |To enable the following instructions:"
    # No GPU. `devices.use` warns of one that cannot be used.
    r"|E0000 .*failed call to cuInit"
    r"|E0000 .*oneDNN supports DT_INT64 only on platforms with AVX-512"
)


def prepare() -> None:
    """Sets the environment and logs plain messages; before any heavy import."""
    set_environment()
    # Nothing parses absl's own flags: without this its first message is a
    # warning about that.
    flags.FLAGS.mark_as_parsed()
    flags.FLAGS["logtostderr"].value = True
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(Formatter("%(message)s"))
    # Libraries log their own progress through the same logger.
    handler.addFilter(_is_ours_or_error)


def set_environment() -> None:
    """Sets what TensorFlow, Keras and XLA read once, when they are loaded.

    Values that the user has set stay, an `XLA_FLAGS` that names our flag too.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    xla_flags = os.environ.get("XLA_FLAGS", "")
    if _XLA_FLAG.split("=")[0] not in xla_flags:
        os.environ["XLA_FLAGS"] = f"{xla_flags} {_XLA_FLAG}".strip()


def _is_ours_or_error(record: LogRecord) -> bool:
    return record.levelno >= ERROR or not _FOREIGN.search(record.pathname)


def import_tensorflow(choose_device: Callable[[], None] = lambda: None) -> None:
    """Imports TensorFlow without the lines it prints at every start.

    Its libraries write them to file descriptor 2 while they are loaded, before
    they read any setting. All other lines are passed on. Nothing is filtered
    if the user has set `TF_CPP_MIN_LOG_LEVEL`.

    Args:
        choose_device: Called before the first operation, which fixes what
            TensorFlow computes on.
    """
    # Workers inherit what their program has set here.
    if "tensorflow" in sys.modules or os.environ.get(_LOG_LEVEL, "2") != "2":
        choose_device()
        return
    os.environ[_LOG_LEVEL] = "2"  # errors, from here on
    with _filtered_stderr():
        import tensorflow as tf

        choose_device()
        # The first transposed integers make oneDNN report that it does not
        # transpose them: once, and otherwise in the middle of a progress bar.
        with tf.device("CPU:0"):
            tf.transpose(tf.zeros((2, 2), tf.int64))


@contextlib.contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Passes on lines written to descriptor 2, except `_START_UP` lines."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as written:
        stderr = os.dup(2)
        try:
            os.dup2(written.fileno(), 2)
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            for line in written:
                if not _START_UP.match(line.decode("utf-8", "replace")):
                    os.write(2, line)
