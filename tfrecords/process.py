"""The process of a program: its environment, its log, a quiet TensorFlow."""

import contextlib
import logging as python_logging
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Iterator

from absl import flags, logging

# Set in every program, unless the user sets them. oneDNN's convolutions, also
# on processors where TensorFlow does not choose them by default: up to 1.7
# times as fast forward through a slice, four times as fast backward through
# small feature maps (docs/results/speed.md).
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_FOREIGN = re.compile(
    r"[/\\](tensorflow|tensorflow_datasets|keras|matplotlib)[/\\]"
)
# Lines that TensorFlow's libraries print while loading, on every machine.
_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog"
    r"|I0000 |To enable the following instructions:"
    # No GPU. `_warn_of_unused_gpu` reports one that cannot be used.
    r"|E0000 .*failed call to cuInit"
    # Said once, where oneDNN leaves whole numbers to TensorFlow's own kernels.
    r"|E0000 .*oneDNN supports DT_INT64 only"
)


def prepare() -> None:
    """Sets the environment and logs plain messages; before any heavy import."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Nothing parses absl's own flags: without this its first message is a
    # warning about that.
    flags.FLAGS.mark_as_parsed()
    flags.FLAGS["logtostderr"].value = True
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(python_logging.Formatter("%(message)s"))
    # Libraries log their own progress through the same logger.
    handler.addFilter(_is_ours_or_error)


def _is_ours_or_error(record: python_logging.LogRecord) -> bool:
    return record.levelno >= python_logging.ERROR or not _FOREIGN.search(
        record.pathname
    )


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines it prints at every start.

    Its libraries write them to file descriptor 2 while they are loaded, before
    they read any setting. All other lines are passed on. Nothing is filtered
    if the user has set `TF_CPP_MIN_LOG_LEVEL`.
    """
    if "tensorflow" in sys.modules or _LOG_LEVEL in os.environ:
        return
    os.environ[_LOG_LEVEL] = "2"  # errors, from here on
    with _filtered_stderr():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        tf.transpose(tf.zeros((1, 1), tf.int64))  # oneDNN says its line here
    if not gpus:
        _warn_of_unused_gpu()


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


def _warn_of_unused_gpu() -> None:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if pathlib.Path("/dev/nvidiactl").exists() and not hidden:
        logging.warning(
            "This machine has an NVIDIA GPU that TensorFlow cannot use: "
            "computing on the CPU. Install the GPU libraries with pip install "
            "'.[gpu]' and a matching driver, or set CUDA_VISIBLE_DEVICES=-1 "
            "to leave the GPU alone."
        )
