"""The same answers from training, from the run and from the SavedModel."""

import csv

import numpy as np
import pytest

from tests.support import hostile_texts, parity, small_runs
from text2image.bert import checkpoint, encoder
from tfrecords.stages.encoded_records import describe_encoder
from trainers import export
from trainers.runs import loading, train_images
from trainers.serving import functions, text_classifier

# Records are encoded in padded batches by XLA: another order of BERT's sums,
# which a model of 38 texts amplifies. Serving encodes texts one by one.
RECORDS_TOLERANCE = 1e-4
BATCHES = [(1, 64), (8, 64), (32, 64)]  # size, texts


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    return parity.serve_alone(
        trained[3].export,
        trained[3].sample,
        BATCHES,
        tmp_path_factory.mktemp("served"),
    )


def test_trained_reloaded_and_served_models_agree(trained, reloaded, served):
    texts = trained[3].sample
    reference = trained[3].in_memory
    assert reference["probabilities"].shape == (len(texts), 3)
    assert np.isfinite(reference["probabilities"]).all()
    answers = parity.answer(reloaded[3].serving_default, texts)
    parity.assert_parity(answers, reference)
    alone = served["serving_default", len(texts), 0]
    assert set(alone) == {"label", "score", "probabilities", "novelty"}
    parity.assert_parity(alone, reference)
    np.testing.assert_array_equal(
        alone["score"], alone["probabilities"].max(axis=1)
    )
    # Agreement on a single class would prove nothing.
    assert len(set(alone["label"][:40])) == 3


def test_a_text_gets_the_same_answer_in_any_batch(trained, served):
    whole = served["serving_default", len(trained[3].sample), 0]
    for size, count in BATCHES:
        first = {name: value[:count] for name, value in whole.items()}
        parity.assert_parity(served["serving_default", size, 0], first)


def test_two_calls_are_equal(trained, served):
    size = len(trained[3].sample)
    one, two = (served["serving_default", size, call] for call in (0, 1))
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])


def test_stacks_and_images_agree(trained, reloaded, served):
    texts = trained[3].sample
    for signature, output, shape in (
        ("embed", "stack", (3, 16)),
        ("render", "image", (12, 14, 1)),
    ):
        alone = served[signature, len(texts), 0]
        assert set(alone) == {output}
        assert alone[output].shape == (len(texts), *shape)
        function = reloaded[3].signatures[signature]
        # Stacks reach about 3: a few of float32's last bits.
        np.testing.assert_allclose(
            alone[output],
            parity.answer(function, texts)[output],
            rtol=0,
            atol=3 * parity.TOLERANCE,
        )


def test_novelty_is_that_of_the_image(trained, reloaded, served):
    texts = trained[3].sample
    alone = served["serving_default", len(texts), 0]
    images = served["render", len(texts), 0]["image"]
    known = train_images.read(trained[3].workdir)
    # Float32: a distance may pass another.
    step = 1.01 / len(known.quantiles)
    np.testing.assert_allclose(
        alone["novelty"], known.novelty(images), rtol=0, atol=step
    )
    assert len(set(alone["novelty"])) > 3
    # Numbers whose squares would overflow.
    far = np.stack([images[0], images[0] + 1e30])
    novelty = parity.answer(reloaded[3].images, far, "image")["novelty"]
    np.testing.assert_allclose(novelty, [alone["novelty"][0], 1], atol=step)


@pytest.mark.slow
def test_a_run_of_an_earlier_version_answers_without_novelty(
    trained, reloaded, run_copy
):
    (run_copy / "train_images.npz").unlink()
    run = loading.load_run(run_copy)
    assert train_images.load(run).mean.any()  # of its contrast
    older = text_classifier.load_classifier(run)
    texts = trained[2].sample[:40]
    answers = parity.answer(older.serving_default, texts)
    expected = parity.answer(reloaded[2].serving_default, texts)
    del expected["novelty"]
    assert set(answers) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(answers[name], value)


@pytest.mark.parametrize(
    "num_classes", [pytest.param(2, marks=pytest.mark.slow), 3]
)
def test_what_is_served_is_what_training_validated(
    trained, reloaded, num_classes
):
    run = trained[num_classes]
    with (run.workdir / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    texts = [run.texts[row["id"]].encode() for row in rows]
    answers = parity.answer(reloaded[num_classes].serving_default, texts)
    assert [label.decode() for label in answers["label"]] == [
        row["prediction"] for row in rows
    ]
    names = [name for name in rows[0] if name.startswith("clåss")]
    validated = [[float(row[name]) for name in names] for row in rows]
    np.testing.assert_allclose(
        answers["probabilities"], validated, rtol=0, atol=RECORDS_TOLERANCE
    )


@pytest.mark.slow
def test_the_encoder_serves_as_it_was_recorded(tiny_bert):
    bert = encoder.Encoder(
        tiny_bert,
        layers="2-4",
        max_tokens=32,
        pooling="mean",
        dtype="bfloat16",
    )
    provenance = {"encoder_sha256": checkpoint.identify(tiny_bert)}
    recorded = describe_encoder(bert, tiny_bert, provenance)
    loaded = functions.load_encoder(recorded, None)
    texts = ["a good film", "bad"]
    np.testing.assert_array_equal(
        loaded.encode(texts)[0], bert.encode(texts)[0]
    )


def test_records_of_other_token_ids_are_not_served(tiny_bert):
    recorded = {
        "source": tiny_bert,
        "sha256": checkpoint.identify(tiny_bert),
        "layers": [2],
        "tokenizer": "0123456789ab",
    }
    with pytest.raises(ValueError, match=r"other token ids.*Build the records"):
        functions.load_encoder(recorded, None)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (None, "not at 'gone', where it was when the records were made"),
        ("nowhere", "'nowhere'"),
    ],
)
def test_an_encoder_that_is_not_there_is_named_as_typed(typed, message):
    recorded = {"source": "gone", "sha256": "0123"}
    with pytest.raises(FileNotFoundError, match=message) as raised:
        functions.locate_encoder(recorded, typed)
    assert ("records were made" in str(raised.value)) == (typed is None)


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_thousand_texts_agree(tiny_bert, tmp_path, num_classes):
    run, model = small_runs.make(tmp_path / "made", tiny_bert, num_classes)
    draw = np.random.default_rng(1)
    letters = [*"abcdefghij  .,'\n!é☃电ß\u200d\x85", "good ", "bad ", "film "]
    texts = [*run.sample]
    assert set(texts) >= set(hostile_texts.HOSTILE)
    while len(texts) < 1000:
        texts.append(
            "".join(draw.choice(letters, draw.integers(0, 400))).encode()
        )
    in_memory = small_runs.around(model, run.workdir, tiny_bert)
    reference = parity.answer(in_memory.serving_default, texts)
    reloaded = text_classifier.load_classifier(loading.load_run(run.workdir))
    answers = parity.answer(reloaded.serving_default, texts)
    parity.assert_parity(answers, reference)
    served = parity.serve_alone(
        export.export_run(run.workdir),
        texts,
        [(size, 1000) for size in (1, 8, 32)],
        tmp_path,
    )
    for size in (1, 8, 32, 1000):
        parity.assert_parity(served["serving_default", size, 0], reference)
