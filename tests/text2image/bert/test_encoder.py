"""[CLS] stacks equal Hugging Face's and depend on nothing but the texts."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.support.tiny_bert_texts import TEXTS
from text2image.bert import checkpoint, encoder

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
# Two libraries add the products of up to eight layers in different orders;
# the values are of the order of 1 (10 for MiniLM) and float32 keeps 7 digits.
ATOL = 1e-5


@pytest.fixture(scope="module")
def tiny(tiny_bert):
    return encoder.Encoder(
        tiny_bert, layers="0-7", max_tokens=64, tokens_per_batch=256
    )


def test_every_layer_equals_hugging_faces(tiny):
    stacks, _ = tiny.encode(list(TEXTS))
    with np.load(GOLDEN / "tiny_bert.npz") as golden:
        expected = golden["cls"][:, 1:]
    assert stacks.shape == expected.shape == (len(TEXTS), 8, 16)
    assert stacks.dtype == np.float32
    for layer in range(8):
        np.testing.assert_allclose(
            stacks[:, layer],
            expected[:, layer],
            rtol=0,
            atol=ATOL,
            err_msg=f"layer {layer}",
        )


@pytest.mark.parametrize("layers", ["last6", "2-3"])
def test_chosen_layers_equal_the_same_layers_of_all(tiny, tiny_bert, layers):
    some = encoder.Encoder(
        tiny_bert, layers=layers, max_tokens=64, tokens_per_batch=256
    )
    chosen = encoder.parse_layers(layers, 8)
    assert some.layers == chosen
    assert some.stack_shape == (len(chosen), 16)
    stacks, _ = some.encode(list(TEXTS[:3]))
    whole, _ = tiny.encode(list(TEXTS[:3]))
    # XLA fuses each graph in its own way.
    np.testing.assert_allclose(stacks, whole[:, chosen], rtol=0, atol=ATOL)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("last6", [6, 7, 8, 9, 10, 11]),
        ("last1", [11]),
        ("last12", list(range(12))),
        ("all", list(range(12))),
        ("5-10", [5, 6, 7, 8, 9, 10]),
        ("0-0", [0]),
    ],
)
def test_layers_are_read(layers, expected):
    assert encoder.parse_layers(layers, 12) == expected


@pytest.mark.parametrize(
    "layers",
    ["last13", "last0", "5-12", "7-6", "-1-3", "5", "", "All", "last", "1,2",
     "last6 ", "-"],
)  # fmt: skip
def test_unknown_layers_are_explained(layers):
    with pytest.raises(ValueError, match="`layers` must") as error:
        encoder.parse_layers(layers, 12)
    assert repr(layers) in str(error.value)


def test_unknown_layers_are_refused_by_the_encoder(tiny_bert):
    with pytest.raises(ValueError, match=r"layers among 0-7.*--layers=all"):
        encoder.Encoder(tiny_bert, layers="5-10", max_tokens=64)


@pytest.mark.parametrize("max_tokens", [2, 65])
def test_too_many_or_too_few_tokens_are_refused(tiny_bert, max_tokens):
    with pytest.raises(ValueError, match=r"in \[3, 64\].*--max_tokens=64"):
        encoder.Encoder(tiny_bert, max_tokens=max_tokens)


def test_same_texts_give_the_same_bytes(tiny):
    one, _ = tiny.encode(list(TEXTS))
    tiny.encode(["something else"] * 7)  # earlier calls do not matter
    tiny.encode([])
    other, _ = tiny.encode(list(TEXTS))
    assert one.tobytes() == other.tobytes()


def test_encoder_loaded_again_gives_the_same_bytes(tiny, tiny_bert):
    fresh = encoder.Encoder(
        tiny_bert, layers="0-7", max_tokens=64, tokens_per_batch=256
    )
    one, _ = tiny.encode(list(TEXTS))
    other, _ = fresh.encode(list(TEXTS))
    assert one.tobytes() == other.tobytes()


def test_rows_stay_in_the_order_of_the_texts(tiny):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    one, lengths = tiny.encode(list(TEXTS))
    other, permuted = tiny.encode([TEXTS[i] for i in order])
    np.testing.assert_array_equal(permuted, lengths[order])
    # A row may be computed at another position of its batch.
    np.testing.assert_allclose(other, one[order], rtol=0, atol=ATOL)


def test_other_texts_of_a_batch_change_rounding_only(tiny):
    together, _ = tiny.encode(list(TEXTS))
    for row, text in enumerate(TEXTS):
        alone, _ = tiny.encode([text])
        np.testing.assert_allclose(alone[0], together[row], rtol=0, atol=ATOL)


@pytest.mark.parametrize("width", [8, 17, 64])
def test_padding_changes_rounding_only(tiny, width):
    ids, _ = tiny.tokenizer.ids(tf.constant(["a film"]), tf.constant(64))
    padded = tf.pad(
        ids,
        [[0, 0], [0, width - ids.shape[1]]],
        constant_values=tiny.tokenizer.pad_id,
    )
    np.testing.assert_allclose(
        tiny.stacks_of_ids(padded), tiny.stacks_of_ids(ids), rtol=0, atol=ATOL
    )


def test_only_the_beginning_of_a_long_text_counts(tiny):
    long, lengths = tiny.encode(["a great film " * 100])
    short, _ = tiny.encode([("a great film " * 100)[: 13 * 21]])
    assert lengths[0] == 302
    # Both keep 62 tokens; the rest does not matter at all.
    np.testing.assert_array_equal(long, short)


def test_texts_that_agree_up_to_max_tokens_give_the_same_stacks(tiny_bert):
    few = encoder.Encoder(tiny_bert, layers="last1", max_tokens=5)
    texts = ["a great film", "a great film but dull", "a great film and more"]
    stacks, lengths = few.encode(texts)
    np.testing.assert_array_equal(lengths[:1], [5])
    assert (lengths[1:] > 5).all()
    np.testing.assert_allclose(stacks[1], stacks[0], rtol=0, atol=ATOL)
    np.testing.assert_allclose(stacks[2], stacks[0], rtol=0, atol=ATOL)


@pytest.mark.parametrize("text", ["", " \n ", "\x00", b"\xff\xfe", b"caf\xe9"])
def test_any_text_gives_finite_stacks(tiny, text):
    stacks, lengths = tiny.encode([text, "a film"])
    assert np.isfinite(stacks).all()
    assert lengths[0] >= 2


def test_the_length_step_is_fine_for_many_texts_only():
    assert encoder.length_step(9_999) == 64
    assert encoder.length_step(10_000) == 16


@pytest.mark.slow
def test_fine_steps_pad_less_and_give_the_same_stacks(tiny, tiny_bert):
    fine = encoder.Encoder(
        tiny_bert,
        layers="0-2",
        max_tokens=64,
        tokens_per_batch=64,
        length_step=16,
    )
    widths = []
    run = fine._run
    fine._run = lambda ids: widths.append(ids.shape[1]) or run(ids)
    texts = ["film", "a film " * 12, "the film " * 12]
    stacks, _ = fine.encode(texts)
    assert sorted(widths) == [16, 32]
    whole, _ = tiny.encode(texts)
    np.testing.assert_allclose(stacks, whole[:, :3], rtol=0, atol=ATOL)


def test_no_texts_give_no_stacks(tiny):
    stacks, lengths = tiny.encode([])
    assert stacks.shape == (0, 8, 16)
    assert stacks.dtype == np.float32
    assert lengths.shape == (0,)


def test_many_texts_need_several_batches(tiny):
    texts = [f"film {i}" for i in range(11)]
    seen = []
    stacks, _ = tiny.encode(texts, progress=seen.append)
    assert sum(seen) == 11
    assert max(seen) == 256 // 64  # the token budget
    # All rows were filled, and differ as their texts do.
    assert len(np.unique(stacks[:, -1], axis=0)) == 11


def test_tokens_are_counted_before_the_cut(tiny):
    texts = ["", "a film", "film " * 90]
    np.testing.assert_array_equal(tiny.count_tokens(texts), [2, 4, 92])
    np.testing.assert_array_equal(tiny.encode(texts)[1], [2, 4, 92])


def test_encoding_changes_no_weight(tiny):
    before = [np.array(v) for v in tiny.model.weights]
    tiny.encode(list(TEXTS))
    for one, other in zip(before, tiny.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_minilm_equals_hugging_faces(shared_data):
    from tests.support import minilm_texts

    real = encoder.Encoder(
        str(shared_data / "models" / "minilm_l6_uncased"), layers="last6"
    )
    assert real.gelu == "exact"
    assert real.stack_shape == (6, 384)
    stacks, lengths = real.encode(list(minilm_texts.TEXTS))
    with np.load(GOLDEN / "minilm.npz") as golden:
        np.testing.assert_array_equal(
            np.minimum(lengths, 512), (golden["ids"] != 0).sum(axis=1)
        )
        np.testing.assert_allclose(stacks, golden["cls"], rtol=0, atol=ATOL)


def test_golden_files_are_small():
    for name in ("minilm.npz", "tiny_bert.npz"):
        assert (GOLDEN / name).stat().st_size < 100_000, name


def test_mean_pooling_averages_over_a_texts_own_tokens(tiny_bert):
    both = encoder.Encoder(
        tiny_bert, layers="last1", max_tokens=64, pooling="mean"
    )
    loaded = checkpoint.load_checkpoint(tiny_bert)
    texts = ["a good film", "bad"]
    got, _ = both.encode(texts)
    for text, vector in zip(texts, got, strict=True):
        ids, _ = both.tokenizer.ids(tf.constant([text]), tf.constant(64))
        backbone_input = {
            "token_ids": ids,
            "segment_ids": tf.zeros_like(ids),
            "padding_mask": tf.ones_like(ids),
        }
        states = loaded.backbone(backbone_input)["sequence_output"]
        np.testing.assert_allclose(
            vector[0], np.mean(states[0], axis=0), rtol=0, atol=ATOL
        )


@pytest.mark.parametrize("unknown", [{"pooling": "max"}, {"dtype": "float16"}])
def test_unknown_choices_are_refused(tiny_bert, unknown):
    with pytest.raises(ValueError, match=rf"`{next(iter(unknown))}` must be"):
        encoder.Encoder(tiny_bert, max_tokens=64, **unknown)
