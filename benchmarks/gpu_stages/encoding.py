"""The encoder, from texts to stacks, and its program alone on the device."""

import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import command, encoder
from benchmarks.gpu_stages import corpus, limits
from benchmarks.gpu_stages.activity import Meter
from benchmarks.gpu_stages.report import Report
from text2image import devices
from text2image.bert import headers
from text2image.bert.encoder import Encoder

_MAX_TOKENS = 512
_MOST_LAYERS = 6
# Widths whose programs are timed alone, and their tokens with padding.
_WIDTHS = (128, 256, 512)
_GPU_TOKENS, _CPU_TOKENS = 32_768, 512
# Seconds that a program runs for, at least.
_RUN = 0.3


def run(report: Report, meter: Meter) -> None:
    """Measures the encoder as it is used, then each program of it."""
    on_gpu = devices.has_gpu()
    header = corpus.BERT_BASE if on_gpu else corpus.SMALL_BERT
    count = 2_000 if on_gpu else 200
    limit = limits.measure()
    report.set(limits=limit, layers=header.num_layers, width=header.hidden_dim)
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "bert"
        report.at("writing a BERT with random weights")
        corpus.write_bert(source, header)
        texts = _texts(source, count)
        dtypes = ["float32"]
        if devices.supports_bfloat16():
            dtypes.insert(0, "bfloat16")
        for dtype in dtypes:
            bert = _build(source, dtype)
            _encode(report, meter, bert, texts, header, limit)
            for is_compiled in (False, True):
                _programs(report, bert, header, limit, is_compiled=is_compiled)


def _build(source: pathlib.Path, dtype: str) -> Encoder:
    count = min(_MOST_LAYERS, headers.read_header(source).num_layers)
    return Encoder(
        str(source), layers=f"last{count}", max_tokens=_MAX_TOKENS, dtype=dtype
    )


def _texts(source: pathlib.Path, count: int) -> list[str]:
    sentences = command.read_texts("demo", None, 10_000)
    tokens = _build(source, "float32").count_tokens(sentences)
    return corpus.draw_texts(sentences, tokens.tolist(), count)


def _encode(
    report: Report,
    meter: Meter,
    bert: Encoder,
    texts: list[str],
    header: Any,
    limit: dict[str, Any],
) -> None:
    """Encodes the texts twice: the first time compiles."""
    name = f"encode, {bert.dtype}"
    report.at(f"{name}, first time")
    with meter.phase() as first:
        bert.encode(texts)
    report.at(f"{name}, second time")
    with meter.phase() as second:
        stacks, lengths = bert.encode(texts)
    begin = time.perf_counter()
    bert.count_tokens(texts)
    tokenise = time.perf_counter() - begin
    lengths = np.minimum(lengths, _MAX_TOKENS)
    whole, needed = encoder.flops(lengths, header)
    report.add(
        name,
        **second.figures(),
        compile=first.seconds - second.seconds,
        tokenise=tokenise,
        transfer=4 * lengths.sum() / limit["to_device"]
        + stacks.nbytes / limit["to_host"],
        items=len(texts),
        unit="texts",
        flops=needed,
        flops_of_all_rows=whole,
        limit=limit[bert.dtype],
        tokens=int(lengths.sum()),
        first=first.figures(),
    )


def _programs(
    report: Report,
    bert: Encoder,
    header: Any,
    limit: dict[str, Any],
    *,
    is_compiled: bool,
) -> None:
    """Times programs of fixed shapes on ids that are on the device already."""
    tokens = _GPU_TOKENS if devices.has_gpu() else _CPU_TOKENS
    program = tf.function(
        bert.stacks_of_ids, jit_compile=is_compiled, reduce_retracing=False
    )
    for width in _WIDTHS:
        rows = tokens // width
        name = (
            f"program {rows} x {width}, {bert.dtype}"
            f"{', XLA' if is_compiled else ''}"
        )
        report.at(name)
        with tf.device(devices.name()):
            ids = tf.ones((rows, width), tf.int32) + 4
        begin = time.perf_counter()
        _finish(program(ids))
        compiled = time.perf_counter() - begin
        seconds = _repeat(lambda: program(ids))  # noqa: B023
        _, needed = encoder.flops(np.full(rows, width), header)
        report.add(
            name,
            seconds=seconds,
            device=seconds,
            compile=compiled - seconds,
            items=rows,
            unit="texts",
            flops=needed,
            limit=limit[bert.dtype],
        )


def _finish(stacks: tf.Tensor) -> None:
    """Waits for a result without fetching all of it."""
    stacks[0, 0, 0].numpy()


def _repeat(call: Callable[[], tf.Tensor]) -> float:
    """Seconds of a call among many that do not wait for each other."""
    begin, calls = time.perf_counter(), 0
    while time.perf_counter() - begin < _RUN:
        for _ in range(3):
            stacks = call()
        _finish(stacks)
        calls += 3
    return (time.perf_counter() - begin) / calls
