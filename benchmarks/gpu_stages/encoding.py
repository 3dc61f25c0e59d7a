"""The encoder, from texts to stacks, and its program alone on the device."""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import command, encoder, random_bert
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
    """Measures the encoder as it is used, programs of it, and other ways."""
    on_gpu = devices.has_gpu()
    header = random_bert.BERT_BASE if on_gpu else random_bert.SMALL_BERT
    count = 2_000 if on_gpu else 200
    limit = limits.measure()
    report.set(limits=limit, layers=header.num_layers, width=header.hidden_dim)
    dtypes = ("bfloat16", "float32") if on_gpu else ("float32",)
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "bert"
        report.at("writing a BERT with random weights")
        random_bert.write(source, header)
        texts = _texts(source, count)
        default = _build(source)
        _encode(report, meter, default, texts, header, limit)
        # The slowest to compile last.
        for is_compiled in (False, True):
            for dtype in dtypes:
                bert = _build(
                    source,
                    dtype=dtype,
                    engine="tensorflow",
                    compiled=is_compiled,
                )
                _programs(report, bert, header, limit)
                if bert.computing != default.computing:
                    _encode(report, meter, bert, texts, header, limit)


def _build(source: pathlib.Path, **settings: Any) -> Encoder:
    """Loads the encoder, as the device decides but for `settings`."""
    count = min(_MOST_LAYERS, headers.read_header(source).num_layers)
    decided: dict[str, Any] = {
        "dtype": "auto",
        "engine": "auto",
        "tokens_per_batch": 0,
    }
    return Encoder(
        str(source),
        layers=f"last{count}",
        max_tokens=_MAX_TOKENS,
        **(decided | settings),
    )


def _name(bert: Encoder) -> str:
    ways = bert.computing
    return f"{ways.engine}, {ways.dtype}{', XLA' * ways.is_compiled}"


def _texts(source: pathlib.Path, count: int) -> list[str]:
    sentences = command.read_texts("demo", None, 10_000)
    tokens = _build(source).count_tokens(sentences)
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
    name = f"encode, {_name(bert)}"
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
        limit=limit[bert.computing.dtype],
        tokens=int(lengths.sum()),
        first=first.figures(),
        computing=dataclasses.asdict(bert.computing),
    )


def _programs(
    report: Report,
    bert: Encoder,
    header: Any,
    limit: dict[str, Any],
) -> None:
    """Times programs of fixed shapes on ids that are on the device already."""
    tokens = _GPU_TOKENS if devices.has_gpu() else _CPU_TOKENS
    is_compiled = bert.computing.is_compiled
    program = tf.function(
        bert.stacks_of_ids, jit_compile=is_compiled, reduce_retracing=False
    )
    # XLA on a GPU takes long for each.
    is_slow = is_compiled and devices.has_gpu()
    for width in _WIDTHS[-1:] if is_slow else _WIDTHS:
        rows = tokens // width
        name = f"program {rows} x {width}, {_name(bert)}"
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
            limit=limit[bert.computing.dtype],
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
