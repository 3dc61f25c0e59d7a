"""[CLS] stacks equal Hugging Face's and depend on nothing but the texts."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.support.hostile_texts import HOSTILE
from tests.support.tiny_bert_texts import TEXTS
from text2image.bert import encoder, openvino_engine
from text2image.bert.layers import parse_layers

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


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["last6", "2-3"])
def test_chosen_layers_equal_the_same_layers_of_all(tiny, tiny_bert, layers):
    some = encoder.Encoder(
        tiny_bert, layers=layers, max_tokens=64, tokens_per_batch=256
    )
    chosen = parse_layers(layers, 8)
    assert some.layers == chosen
    assert some.stack_shape == (len(chosen), 16)
    stacks, _ = some.encode(list(TEXTS[:3]))
    whole, _ = tiny.encode(list(TEXTS[:3]))
    # XLA fuses each graph in its own way.
    np.testing.assert_allclose(stacks, whole[:, chosen], rtol=0, atol=ATOL)


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.fixture
def watched(tiny_bert):
    """An encoder of one layer, and the shapes that it has computed."""
    bert = encoder.Encoder(
        tiny_bert, layers="0-0", max_tokens=64, tokens_per_batch=64
    )
    run, computed = bert.run, []
    bert.run = lambda ids: computed.append(ids.shape) or run(ids)
    yield bert, computed
    # XLA compiles once per computed shape; TensorFlow traces once for all.
    assert run.function.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "num_texts", [20, pytest.param(10**6, marks=pytest.mark.slow)]
)
def test_no_corpus_has_more_shapes_than_were_chosen(watched, num_texts):
    bert, computed = watched
    texts = [b"a film", b"", b"a great film " * 9, *HOSTILE, b"film " * 99]
    bert.prepare(bert.tokenize(texts[:5]), num_texts)
    for start in range(0, len(texts), 7):  # shards
        bert.encode(texts[start : start + 7])
    chosen = {(bert.shapes.rows(width), width) for width in bert.shapes.widths}
    assert set(computed) <= chosen
    assert (len(chosen) > 1) == (num_texts > 20)


@pytest.mark.slow
def test_a_shape_is_computed_alone_before_its_batches(watched):
    bert, computed = watched
    sample = bert.tokenize(["film", "film " * 20, "film " * 40])
    bert.prepare(sample, 10**6)
    assert computed == [(1, 48), (2, 32), (4, 16)]
    bert.encode(sample)
    assert sorted(computed[3:]) == [(1, 48), (2, 32)]
    # No text of the sample was this long: started when the first comes.
    bert.encode(["film " * 90] * 2)
    assert computed[5:] == [(1, 64)] * 3


def test_tokens_and_texts_give_the_same_bytes(tiny):
    one, lengths = tiny.encode(list(TEXTS))
    tokens = tiny.tokenize(list(TEXTS))
    other, _ = tiny.encode(tokens)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(lengths, tokens.lengths)


@pytest.mark.slow
def test_narrow_batches_without_xla_give_the_same_stacks(tiny, tiny_bert):
    plain = encoder.Encoder(
        tiny_bert,
        layers="0-7",
        max_tokens=64,
        tokens_per_batch=64,
        compiled=False,
    )
    plain.prepare(plain.tokenize(list(TEXTS)), len(TEXTS))
    assert len(plain.shapes.widths) > 1  # nothing is compiled
    stacks, _ = plain.encode(list(TEXTS))
    whole, _ = tiny.encode(list(TEXTS))
    np.testing.assert_allclose(stacks, whole, rtol=0, atol=ATOL)


@pytest.mark.slow
def test_openvino_gives_the_same_stacks(tiny, tiny_bert):
    if not openvino_engine.is_installed():
        pytest.skip("needs the extra fast-cpu")
    other = encoder.Encoder(
        tiny_bert, layers="0-7", max_tokens=64, engine="openvino"
    )
    assert other.computing.tokens_per_batch == 512  # as it is told
    stacks, _ = other.encode(list(TEXTS))
    whole, _ = tiny.encode(list(TEXTS))
    np.testing.assert_allclose(stacks, whole, rtol=0, atol=ATOL)


def test_a_batch_that_does_not_fit_names_the_flag(tiny_bert):
    full = encoder.Encoder(tiny_bert, max_tokens=64, tokens_per_batch=0)

    def run(ids):
        raise tf.errors.ResourceExhaustedError(None, None, "full")

    full.run = run
    with pytest.raises(MemoryError, match=r"--tokens_per_batch \(now 512\)"):
        full.encode(["a film"])


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


@pytest.mark.parametrize(
    "unknown", [{"pooling": "min"}, {"dtype": "float16"}, {"engine": "torch"}]
)
def test_unknown_choices_are_refused(tiny_bert, unknown):
    with pytest.raises(ValueError, match=rf"`{next(iter(unknown))}` must be"):
        encoder.Encoder(tiny_bert, max_tokens=64, **unknown)
