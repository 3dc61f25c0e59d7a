"""Shared by every test: backend, quiet TensorFlow, small real things."""

import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
import pytest

GOLDEN = pathlib.Path(__file__).parent / "golden"
SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def rng() -> np.random.Generator:
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
