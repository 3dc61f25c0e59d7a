"""The order of the files of tests, for the workers of `--dist loadfile`."""

import collections
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
# Those that take longest start first: otherwise one worker ends by waiting for
# the other's last file.
LONGEST = (
    "tests/trainers/test_table.py",
    "tests/trainers/test_distribution.py",
    "tests/tfrecords/test_build.py",
    "tests/trainers/multimodal/test_train.py",
    "tests/trainers/training/test_train.py",
    "tests/trainers/test_page.py",
    "tests/text2image/bert/test_tokenizer_parity.py",
    "tests/tfrecords/units/test_killed_workers.py",
    "tests/trainers/serving/test_stable_names.py",
    "tests/trainers/multimodal/test_table.py",
    "tests/trainers/selection/test_best.py",
    "tests/trainers/multimodal/test_serving.py",
    "tests/benchmarks/test_gpu_check.py",
    "tests/trainers/test_learning_curve.py",
    "tests/trainers/experiments/test_curve.py",
    "tests/test_examples.py",
    "tests/test_wheel.py",
    "tests/test_compatibility.py",
    "tests/campaign/test_campaign.py",
)


def sort(items):
    """Sorts tests by file: `LONGEST`, then those of the most tests."""
    counts = collections.Counter(item.path for item in items)
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(
        key=lambda item: (
            places.get(item.path, len(places)),
            -counts[item.path],
        )
    )
