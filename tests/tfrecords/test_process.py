"""A program starts quietly, and says what its user must see."""

import logging as python_logging
import os
import sys

import pytest
from absl import logging

from tfrecords import process

WHEN = b"1795902737.460855   27757 "
START_UP = [
    b"WARNING: All log messages before absl::InitializeLog() is called are "
    b"written to STDERR\n",
    b"I0000 00:00:" + WHEN + b"port.cc:153] oneDNN custom operations are on.\n",
    b"To enable the following instructions: AVX2 FMA, in other operations, "
    b"rebuild TensorFlow with the appropriate compiler flags.\n",
    b"E0000 00:00:" + WHEN + b"cuda_platform.cc:52] failed call to cuInit: "
    b"INTERNAL: CUDA error\n",
    b"E0000 00:00:" + WHEN + b"util.cc:131] oneDNN supports DT_INT64 only on "
    b"platforms with AVX-512. Falling back to the default implementation.\n",
]
REAL = [
    b"E0000 00:00:" + WHEN + b"cuda_dnn.cc:9] cannot load libcudnn.so\n",
    b"W0000 00:00:" + WHEN + b"gpu_device.cc:1] cannot dlopen some libraries\n",
    b"Fatal Python error: Illegal instruction\n",
    b"E0000 00:00:" + WHEN + b"util.cc:131] oneDNN supports DT_BFLOAT16 only "
    b"on platforms with AVX-512.\n",
    b"a line without an end \xff",
]


@pytest.fixture
def own_process_state():
    """Restores the environment and absl's handler."""
    handler = logging.get_absl_handler()
    formatter, filters = handler.formatter, list(handler.filters)
    environment = dict(os.environ)
    yield
    handler.setFormatter(formatter)
    handler.filters = filters
    os.environ.clear()
    os.environ.update(environment)


def test_start_up_lines_are_dropped_and_all_others_passed_on(capfd):
    with process._filtered_stderr():
        for pair in zip(START_UP, REAL, strict=True):
            os.write(2, b"".join(pair))
    written = capfd.readouterr().err
    assert "I0000" not in written
    expected = b"".join(REAL).decode("utf-8", "replace")
    assert written == expected


def test_lines_before_a_crash_are_passed_on(capfd):
    @process._filtered_stderr()
    def crash():
        os.write(2, START_UP[0] + REAL[0])
        raise ImportError("spam")

    with pytest.raises(ImportError, match="spam"):
        crash()
    assert capfd.readouterr().err == REAL[0].decode()


def test_a_users_log_level_stays_in_force(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    process.import_tensorflow()
    # TensorFlow is left to its first user, with nothing filtered.
    assert "tensorflow" not in sys.modules
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


@pytest.mark.usefixtures("own_process_state")
def test_a_users_environment_stays_in_force():
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ.pop("KERAS_BACKEND", None)
    process.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


@pytest.mark.usefixtures("own_process_state")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "--xla_cpu_multi_thread_eigen=false"),
        (
            "--xla_dump_to=/tmp",
            "--xla_dump_to=/tmp --xla_cpu_multi_thread_eigen=false",
        ),
        (
            "--xla_cpu_multi_thread_eigen=true",
            "--xla_cpu_multi_thread_eigen=true",
        ),
    ],
)
def test_xla_uses_one_thread_per_program_unless_the_user_says_otherwise(
    before, after
):
    os.environ["XLA_FLAGS"] = before
    process.prepare()
    assert os.environ["XLA_FLAGS"] == after


@pytest.mark.usefixtures("own_process_state")
def test_messages_are_plain_lines_on_stderr(capsys):
    process.prepare()
    logging.info("stacks: %d", 3)
    assert capsys.readouterr().err == "stacks: 3\n"


@pytest.mark.usefixtures("own_process_state")
def test_libraries_log_errors_only(capsys):
    process.prepare()
    logger = logging.get_absl_logger()
    for level in (python_logging.INFO, python_logging.ERROR):
        logger.handle(
            logger.makeRecord(
                "absl",
                level,
                "/lib/tensorflow/core.py",
                1,
                "level %d",
                (level,),
                None,
            )
        )
    assert capsys.readouterr().err == f"level {python_logging.ERROR}\n"
