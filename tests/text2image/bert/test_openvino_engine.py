"""OpenVINO gives the stacks of the Keras model that it is built from."""

import sys
from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf

from tests.support.tiny_bert_texts import TEXTS
from text2image.bert import encoder, openvino_engine, openvino_graph

pytestmark = pytest.mark.skipif(  # `importorskip` would import it too early
    not openvino_engine.is_installed(), reason="needs the extra fast-cpu"
)
ATOL = 1e-5  # as between Hugging Face and TensorFlow: test_encoder.py


@pytest.fixture(scope="module")
def tiny(tiny_bert):
    return encoder.Encoder(tiny_bert, layers="0-7", max_tokens=64)


@pytest.fixture(scope="module")
def ids(tiny):
    padded, _ = tiny.tokenizer.ids(tf.constant(list(TEXTS)), tf.constant(64))
    return padded.numpy()


@pytest.fixture(scope="module")
def expected(tiny, ids):
    return tiny.stacks_of_ids(tf.constant(ids)).numpy()


def build(tiny, dtype="float32", num_streams=2):
    return openvino_engine.build(
        tiny.model, tiny.tokenizer.pad_id, dtype, num_streams
    )


@pytest.fixture(scope="module")
def engines(tiny):
    return {dtype: build(tiny, dtype) for dtype in ("float32", "bfloat16")}


def cosines(one, other):
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.sum(one * other, axis=-1) / norms


def test_float32_equals_tensorflow(engines, ids, expected):
    stacks = engines["float32"](ids)
    assert stacks.dtype == np.float32
    assert stacks.shape == (len(TEXTS), 8, 16)
    np.testing.assert_allclose(stacks, expected, rtol=0, atol=ATOL)


def test_bfloat16_points_the_same_way_with_other_bytes(engines, ids, expected):
    stacks = engines["bfloat16"](ids)
    assert stacks.dtype == np.float32
    assert cosines(stacks, expected).min() > 0.999
    if openvino_engine.openvino_pays("bfloat16"):  # else computed in float32
        assert np.abs(stacks - expected).max() > 10 * ATOL


@pytest.mark.slow
def test_means_equal_tensorflow(tiny_bert, ids):
    mean = encoder.Encoder(
        tiny_bert, layers="last1", max_tokens=64, pooling="mean"
    )
    expected = mean.stacks_of_ids(tf.constant(ids)).numpy()
    np.testing.assert_allclose(build(mean)(ids), expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_bytes_do_not_depend_on_earlier_batches(engines, ids, dtype):
    first = engines[dtype](ids).tobytes()
    engines[dtype](ids[:3, :20])
    assert engines[dtype](ids).tobytes() == first


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_streams(tiny, engines, ids):
    rebuilt = build(tiny, "bfloat16", num_streams=1)
    assert rebuilt(ids).tobytes() == engines["bfloat16"](ids).tobytes()


def test_threads_call_it_at_once(engines, ids):
    run = engines["float32"]
    batches = [ids[start : start + 2] for start in range(len(ids) - 1)] * 20
    alone = [run(batch).tobytes() for batch in batches]
    with futures.ThreadPoolExecutor(5) as pool:
        together = [stacks.tobytes() for stacks in pool.map(run, batches)]
    assert together == alone


def test_a_bfloat16_model_is_refused(tiny_bert):
    coarse = encoder.Encoder(tiny_bert, max_tokens=64, dtype="bfloat16")
    with pytest.raises(ValueError, match=r"float32.*Received: \['bfloat16'\]"):
        build(coarse)


def test_bfloat16_pays_where_the_cpu_multiplies_it(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(openvino_engine, "_CPU_INFO", info)
    for flags, pays in (
        ("fpu avx2", False),
        ("fpu avx512f avx512_bf16", True),
        ("fpu amx_tile amx_bf16", True),
    ):
        info.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t: x\n")
        assert openvino_engine.openvino_pays("bfloat16") is pays
        assert openvino_engine.openvino_pays("float32") is False
    info.unlink()
    assert openvino_engine.openvino_pays("bfloat16") is False


def test_openvino_is_imported_without_its_telemetry(engines):
    assert "openvino.tools.ovc" in sys.modules  # what would send usage data
    assert "openvino_telemetry.main" not in sys.modules


def test_every_attention_over_all_rows_is_recognised(tiny, tmp_path, engines):
    import openvino

    path = tmp_path / "encoder.xml"
    tiny.model.export(str(path), format="openvino", verbose=False)
    graph = openvino.Core().read_model(path)
    assert openvino_graph.fuse(graph) == 7  # of the last layer only one row
    types = [node.get_type_name() for node in graph.get_ops()]
    assert types.count("ScaledDotProductAttention") == 7
    assert openvino_graph.fuse(graph) == 0
