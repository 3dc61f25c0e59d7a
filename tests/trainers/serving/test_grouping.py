"""Texts answered in groups get the answers that they get one by one."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.support import hostile_texts, parity
from trainers import export
from trainers.runs import loading
from trainers.serving import grouping, saved_model, text_classifier
from trainers.serving.grouping import Grouping

pytestmark = pytest.mark.slow

# Other orders of BERT's sums, which normalising an image amplifies. Promised
# in docs/guide/serving.md.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def grouped(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("grouped")
    version = export.export_run(trained[3].workdir, out, is_grouped=True)
    return version, *saved_model.load(version)


def test_answers_agree_with_those_of_single_texts(trained, reloaded, grouped):
    _, signatures, _ = grouped
    texts = trained[3].sample[:60]
    answers = parity.answer(signatures["serving_default"], texts)
    expected = parity.answer(reloaded[3].serving_default, texts)
    parity.assert_parity(answers, expected, TOLERANCE)
    for name, output in (("embed", "stack"), ("render", "image")):
        np.testing.assert_allclose(
            parity.answer(signatures[name], texts)[output],
            parity.answer(reloaded[3].signatures[name], texts)[output],
            rtol=0,
            atol=1e-4,
        )


@pytest.mark.parametrize(
    "count",
    [
        0,
        1,
        33,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 8, 9, 70)),
    ],
)
def test_any_number_of_texts_is_answered_in_order(trained, grouped, count):
    _, signatures, _ = grouped
    texts = (trained[3].sample * 2)[:count]
    answers = signatures["serving_default"](text=tf.constant(texts, tf.string))
    assert answers["probabilities"].shape == (count, 3)
    if count:
        one = signatures["serving_default"](text=tf.constant(texts[-1:]))
        np.testing.assert_allclose(
            answers["probabilities"][-1:],
            one["probabilities"],
            rtol=0,
            atol=TOLERANCE,
        )


def test_hostile_texts_are_answered(reloaded, grouped):
    _, signatures, _ = grouped
    texts = [
        text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        for text in hostile_texts.HOSTILE
    ]
    answers = parity.answer(signatures["serving_default"], texts)
    expected = parity.answer(reloaded[3].serving_default, texts)
    np.testing.assert_allclose(
        answers["probabilities"],
        expected["probabilities"],
        rtol=0,
        atol=TOLERANCE,
    )


def test_images_and_tokens_agree_too(trained, reloaded, grouped):
    _, signatures, _ = grouped
    texts = trained[3].sample[:40]
    image = parity.answer(reloaded[3].signatures["render"], texts)["image"]
    ids, mask = reloaded[3].ids(tf.constant(texts))
    for name, inputs in (
        ("images", {"image": tf.constant(image)}),
        ("tokens", {"ids": ids, "mask": mask}),
    ):
        np.testing.assert_allclose(
            signatures[name](**inputs)["probabilities"],
            reloaded[3].signatures[name](**inputs)["probabilities"],
            rtol=0,
            atol=TOLERANCE,
        )


def test_only_the_shapes_of_the_grouping_are_computed():
    shapes = Grouping((1, 4), (8, 16))
    seen = set()

    def function(ids, mask):
        tf.debugging.assert_positive(mask[:, 0])
        size = tf.py_function(
            lambda x: seen.add(tuple(x.shape)) or len(x), [ids], tf.int32
        )
        with tf.control_dependencies([size]):
            return tf.cast(tf.reduce_sum(ids * mask, axis=1), tf.float32)[
                :, None
            ]

    rng = np.random.default_rng(0)
    for count in range(12):
        lengths = rng.integers(1, 17, count)
        width = max([1, *lengths])
        mask = (np.arange(width) < lengths[:, None]).astype(np.int32)
        ids = rng.integers(1, 9, (count, width)).astype(np.int32)
        answers = grouping.map_texts(
            function, tf.constant(ids), tf.constant(mask), (None, 1), shapes
        )
        np.testing.assert_array_equal(
            np.asarray(answers)[:, 0], (ids * mask).sum(axis=1)
        )
    assert seen <= set(shapes.shapes())
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("max_tokens", "widths"),
    [
        (512, (32, 64, 128, 256, 512)),
        (100, (32, 64, 100)),
        (32, (32,)),
        (12, (12,)),
    ],
)
def test_widths_double_up_to_the_longest_text(max_tokens, widths):
    assert grouping.choose(max_tokens).widths == widths


def test_the_server_is_told_of_the_shapes(grouped):
    version, _, provenance = grouped
    rows = provenance["batching"]["rows"]
    text = (version.parent / "batching.config").read_text()
    allowed = re.findall(r"^allowed_batch_sizes: (\d+)$", text, re.MULTILINE)
    assert list(map(int, allowed)) == rows == sorted(rows)
    assert f"max_batch_size {{ value: {rows[-1]} }}" in text
    warmup = version / "assets.extra" / "tf_serving_warmup_requests"
    count = sum(1 for _ in tf.data.TFRecordDataset(str(warmup)))
    widths = provenance["batching"]["widths"]
    explained = 1
    assert count == 2 * len(rows) * len(widths) + len(rows) + explained
    assert json.loads(
        (version / "assets.extra" / "provenance.json").read_text()
    )["batching"]


def test_a_run_in_memory_groups_as_its_export_does(trained, grouped):
    _, signatures, _ = grouped
    model = text_classifier.load_classifier(
        loading.load_run(trained[3].workdir), is_grouped=True
    )
    texts = trained[3].sample
    parity.assert_parity(
        parity.answer(signatures["serving_default"], texts),
        parity.answer(model.serving_default, texts),
    )
