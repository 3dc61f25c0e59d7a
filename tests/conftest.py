"""Shared by every test: backend, quiet TensorFlow, small real things."""

import functools
import os
import pathlib

import pytest
from absl import app

from tests.support import file_order
from tfrecords import process

process.set_environment()  # as every program, before TensorFlow
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")
# Before numpy. Threads that wait for a share of the other worker's core spin:
# small matrices are solved in ten times the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# `app.run` would send a crash's traceback to the stderr that pytest captures.
app.faulthandler = None

GOLDEN = pathlib.Path(__file__).parent / "golden"
SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data"


def pytest_configure(config):
    config.option.loadscopereorder = False  # the order below


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem):
    """Ends the run after a crash: pytest-xdist 3.8 may wait for ever then."""
    pytest.exit(f"{crashitem} ended its process", returncode=1)


@pytest.hookimpl(trylast=True)  # when the deselected tests are gone
def pytest_collection_modifyitems(items):
    file_order.sort(items)


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_bert() -> str:
    """A real BERT of 8 layers, hidden size 16, 64 positions."""
    return str(GOLDEN / "tiny_bert")


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """Real data beside the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the project")
    return SHARED


@pytest.fixture
def make_image_records(tmp_path: pathlib.Path):
    """A factory of small `image` record sets that can be told apart."""
    from tests.support import record_sets

    return functools.partial(
        record_sets.write_images, tmp_path / "records" / "image"
    )
