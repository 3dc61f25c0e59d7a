"""`--weights=imagenet` against a server on loopback, whole and broken."""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors

from tests.support import (
    backbones_pth_writer,
    backbones_server,
    backbones_weights,
)
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import cache, convert, download, load, published

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with backbones_server.serving() as server:
        yield server


@pytest.fixture
def cached(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "text2image" / "backbones"


ALEXNET_NAMES = {
    "conv1/kernel": "features.0.weight",
    "conv1/bias": "features.0.bias",
    "conv2/kernel": "features.3.weight",
    "conv2/bias": "features.3.bias",
}


def alexnet_file(tmp_path, stream, dtype="float32"):
    """Writes a .pth in the published layout; returns its bytes and arrays."""
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    arrays = backbones_weights.random_arrays(slice_)
    arrays = {k: v.astype(dtype).astype("float32") for k, v in arrays.items()}
    state = {
        ALEXNET_NAMES[name]: (
            array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        ).astype(dtype)
        for name, array in arrays.items()
    }
    state["features.6.weight"] = np.zeros((2, 2, 1, 1), dtype)
    state["classifier.1.bias"] = np.zeros(3, dtype)
    path = tmp_path / "source.pth"
    backbones_pth_writer.write_state(path, state, stream=stream)
    return path.read_bytes(), arrays


@pytest.mark.parametrize(
    ("stream", "dtype"),
    [(False, "float32"), (True, "float32"), (True, "float16")],
)
def test_torchvision_file_is_fetched_converted_and_cached(
    tmp_path, cached, server, monkeypatch, stream, dtype
):
    content, arrays = alexnet_file(tmp_path, stream, dtype)
    file = backbones_server.published_file(server, "alexnet-owt-1.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    for _ in range(2):
        received = backbones_weights.load(slice_, "alexnet", "imagenet")
        backbones_weights.assert_equal(received, arrays)
    assert server.requests == 1  # the second time from the cache
    (converted,) = cached.iterdir()
    assert converted.name == f"alexnet-{file.hashes[0][1]}.safetensors"
    with safetensors.safe_open(converted, "numpy") as opened:
        metadata = opened.metadata()
    assert metadata["source"] == file.url
    assert metadata["source_sha256"] == hashlib.sha256(content).hexdigest()
    assert metadata["source_bytes"] == str(len(content))
    assert metadata["licence"] == file.licence


def test_keras_file_is_fetched_by_its_md5(
    tmp_path, cached, server, monkeypatch
):
    slice_ = build_slice(backbones.get_backbone("vgg16"))
    arrays = backbones_weights.random_arrays(slice_)
    ordered = {name: arrays[name] for name in load.slice_arrays(slice_)}
    path = tmp_path / "vgg16.h5"
    backbones_weights.write_legacy_h5(
        path, ordered, lambda name: name.replace("/", "_") + "_1:0"
    )
    file = backbones_server.published_file(
        server, "vgg16_notop.h5", path.read_bytes(), "md5", 32
    )
    monkeypatch.setitem(published.PUBLISHED, "vgg16", file)
    received = backbones_weights.load(slice_, "vgg16", "imagenet")
    backbones_weights.assert_equal(received, arrays)


@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        ("half-way", RuntimeError, "broken off after 50 of 100 bytes"),
        ("missing", RuntimeError, "404"),
        ("stalled", RuntimeError, "timed out"),
        ("endless", ValueError, "Received: more"),
    ],
)
def test_broken_server_leaves_no_file(tmp_path, server, mode, error, message):
    file = backbones_server.published_file(server, "w.pth", bytes(100))
    server.mode = mode
    with pytest.raises(error, match=message):
        download.fetch(file, tmp_path, timeout_s=0.5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["whole", "no length"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "expected 100 bytes. Received: 99"),
        (lambda content: b"x" + content[1:], "expected sha256"),
        (lambda content: content + b"x", "Received: more"),
        (lambda content: b"", "Received: 0 bytes"),
    ],
)
def test_altered_file_is_refused(tmp_path, server, mode, change, message):
    file = backbones_server.published_file(server, "w.pth", bytes(100))
    server.content, server.mode = change(server.content), mode
    with pytest.raises(ValueError, match=message):
        download.fetch(file, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_published_hash_must_hold(tmp_path, server):
    file = backbones_server.published_file(server, "w.pth", bytes(100))
    file = dataclasses.replace(
        file, hashes=(*file.hashes, ("sha512", "0" * 128))
    )
    with pytest.raises(ValueError, match="expected sha512"):
        download.fetch(file, tmp_path)


def test_without_a_server_the_error_comes_at_once_and_names_a_flag(
    cached, server, monkeypatch
):
    file = backbones_server.published_file(server, "w.pth", bytes(100))
    server.shutdown()
    server.server_close()
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="--weights=random"):
        backbones_weights.load(slice_, "alexnet", "imagenet")
    assert time.monotonic() - start < 5


def test_killed_download_is_never_trusted(tmp_path, server):
    file = backbones_server.published_file(server, "w.pth", os.urandom(100))
    server.mode = "stalled"
    code = (
        "import pathlib, sys; from trainers.weights import download, "
        "published; download.fetch(published.PublishedFile(sys.argv[1], "
        "(('sha256', sys.argv[2]),), (100, 100), ''), "
        "pathlib.Path(sys.argv[3]))"
    )
    arguments = [file.url, file.hashes[0][1], str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT
    )
    assert server.half_sent.wait(20)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.suffix for path in tmp_path.iterdir()] == [".writing"]
    server.mode = "whole"
    assert download.fetch(file, tmp_path).read_bytes() == server.content


def test_file_that_was_copied_manually_is_verified_and_stays(
    tmp_path, cached, server, monkeypatch
):
    content, arrays = alexnet_file(tmp_path, stream=True)
    file = backbones_server.published_file(server, "copied.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    cached.mkdir(parents=True)
    copied = cached / file.name
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    copied.write_bytes(b"x" + content[1:])
    with pytest.raises(ValueError, match="Delete it and fetch it again"):
        backbones_weights.load(slice_, "alexnet", "imagenet")
    copied.write_bytes(content)
    received = backbones_weights.load(slice_, "alexnet", "imagenet")
    backbones_weights.assert_equal(received, arrays)
    assert server.requests == 0
    assert copied.is_file()


def test_several_may_fill_the_cache_at_the_same_time(tmp_path, server):
    content, arrays = alexnet_file(tmp_path, stream=True)
    file = backbones_server.published_file(server, "alexnet.pth", content)
    directory = tmp_path / "cache"
    backbone = backbones.get_backbone("alexnet")
    slices = [build_slice(backbone) for _ in range(4)]

    def fill(slice_):
        return cache.published_arrays(slice_, backbone, file, directory)

    with concurrent.futures.ThreadPoolExecutor(len(slices)) as pool:
        for received in pool.map(fill, slices):
            backbones_weights.assert_equal(received, arrays)
    assert [path.suffix for path in directory.iterdir()] == [".safetensors"]


@pytest.mark.parametrize("fault", ["truncated", "altered", "other backbone"])
def test_damaged_cache_is_refused(tmp_path, cached, server, monkeypatch, fault):
    content, _ = alexnet_file(tmp_path, stream=True)
    file = backbones_server.published_file(server, "alexnet.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    backbones_weights.load(slice_, "alexnet", "imagenet")
    (converted,) = cached.iterdir()
    whole = converted.read_bytes()
    if fault == "truncated":
        converted.write_bytes(whole[:-8])
    elif fault == "altered":
        converted.write_bytes(whole[:-4] + b"\0\0\0\1")
    else:
        converted.write_bytes(whole.replace(b'"alexnet"', b'"alexnut"'))
    with pytest.raises(ValueError, match="Delete it; the next run makes it"):
        backbones_weights.load(slice_, "alexnet", "imagenet")


@pytest.mark.parametrize("given", [False, True])
def test_convert_writes_a_file_for_weights_path(
    tmp_path, server, monkeypatch, given
):
    content, arrays = alexnet_file(tmp_path, stream=True)
    file = backbones_server.published_file(server, "alexnet.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    output = tmp_path / "out" / "alexnet.safetensors"
    source = [f"--input={tmp_path / 'source.pth'}"] if given else []
    flags = ["--backbone=alexnet", *source, f"--output={output}"]
    assert convert.main(flags) == 0
    assert server.requests == (0 if given else 1)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    received = backbones_weights.load(slice_, "alexnet", output)
    backbones_weights.assert_equal(received, arrays)


def test_convert_refuses_another_file_unless_told(tmp_path, capsys):
    alexnet_file(tmp_path, stream=True)
    output = tmp_path / "alexnet.safetensors"
    flags = [
        "--backbone=alexnet",
        f"--input={tmp_path / 'source.pth'}",
        f"--output={output}",
    ]
    assert convert.main(flags) == 1
    error = capsys.readouterr().err
    assert "is not the published alexnet-owt-7be5be79.pth" in error
    assert not output.exists()
    assert convert.main([*flags, "--unverified"]) == 0
    assert output.is_file()


@pytest.mark.parametrize(
    ("flags", "code", "error"),
    [
        (["--output=a.safetensors"], 2, "Expected --backbone."),
        (["--backbone=vgg16"], 2, "Expected --output."),
        (["--backbone=vgg16", "--output=a.h5"], 1, "must end in .safetensors"),
        (
            ["--backbone=vgg16", "--output=a.safetensors", "--input=nothing"],
            1,
            "--input must be a file",
        ),
        (
            ["--backbone=vgg16", "--output=a.safetensors", "--unverified"],
            1,
            "--unverified would have no effect",
        ),
    ],
)
def test_flags_that_cannot_be_converted_are_refused(flags, code, error, capsys):
    assert convert.main(flags) == code
    assert error in capsys.readouterr().err


def test_every_backbone_has_a_published_file():
    assert sorted(published.PUBLISHED) == sorted(backbones.BACKBONES)
    for file in published.PUBLISHED.values():
        assert file.url.startswith("https://")
        assert 0 < file.size_bytes[0] <= file.size_bytes[1]
        if file.name.endswith(".pth"):  # torchvision's rule
            digits = file.name.removesuffix(".pth").rsplit("-", 1)[1]
            assert dict(file.hashes)["sha256"].startswith(digits)
