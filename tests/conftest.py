"""Shared by every test: backend, quiet TensorFlow, small real things."""

import os
import pathlib

import pytest

from tests.support import file_order
from tfrecords import process

process.set_environment()  # as every program, before TensorFlow
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")
# Before numpy. Threads that wait for a share of the other worker's core spin:
# small matrices are solved in ten times the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

GOLDEN = pathlib.Path(__file__).parent / "golden"
SHARED = pathlib.Path(__file__).parents[2] / "shared" / "data"


def pytest_configure(config):
    config.option.loadscopereorder = False  # the order below


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
    import numpy as np

    from tfrecords import schema, writer

    def make(
        *,
        num_train: int = 24,
        num_validation: int = 8,
        shape: tuple[int, int, int] = (12, 12, 1),
        label_names: tuple[str, ...] = ("neg", "pos"),
        name: str = "made",
        seed: int = 0,
        spoil=None,
    ) -> pathlib.Path:
        rng = np.random.default_rng(seed)
        directory = tmp_path / "records" / "image" / name / "1.0.0"
        record_schema = schema.image_schema(shape, label_names)
        counts = {"train": num_train, "validation": num_validation}
        with writer.RecordWriter(
            directory,
            record_schema,
            {"name": name, "seed": seed},
            dict.fromkeys(counts, 1),
        ) as records:
            for split, count in counts.items():
                serialized = []
                for index in range(count):
                    label = index % len(label_names)
                    image = rng.uniform(0, 0.2, shape).astype(np.float32)
                    band = shape[0] // len(label_names)
                    image[label * band : (label + 1) * band] += 0.5
                    if spoil is not None:
                        spoil(split, index, image)
                    serialized.append(
                        record_schema.serialize(
                            f"{split}-{index}", label, image
                        )
                    )
                records.write_shard(split, 0, serialized)
            records.finish("Made by a test.", {"audit": {}})
        return directory

    return make
