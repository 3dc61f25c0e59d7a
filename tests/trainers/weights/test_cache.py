"""`--weights=imagenet` from a server on loopback: fetched once, then cached."""

import concurrent.futures
import hashlib
import time

import pytest
import safetensors

from tests.support import backbones_server, backbones_weights
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import cache, load, published


@pytest.mark.parametrize(
    ("stream", "dtype"),
    [(False, "float32"), (True, "float32"), (True, "float16")],
)
def test_torchvision_file_is_fetched_converted_and_cached(
    tmp_path, cached, server, monkeypatch, stream, dtype
):
    content, arrays = backbones_weights.write_alexnet(tmp_path, stream, dtype)
    file = backbones_server.published_file(server, "alexnet-owt-1.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    for _ in range(2):
        received = backbones_weights.load_source(slice_, "alexnet", "imagenet")
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
    received = backbones_weights.load_source(slice_, "vgg16", "imagenet")
    backbones_weights.assert_equal(received, arrays)


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
        backbones_weights.load_source(slice_, "alexnet", "imagenet")
    assert time.monotonic() - start < 20


def test_file_that_was_copied_manually_is_verified_and_stays(
    tmp_path, cached, server, monkeypatch
):
    content, arrays = backbones_weights.write_alexnet(tmp_path, stream=True)
    file = backbones_server.published_file(server, "copied.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    cached.mkdir(parents=True)
    copied = cached / file.name
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    copied.write_bytes(b"x" + content[1:])
    with pytest.raises(ValueError, match="Delete it and fetch it again"):
        backbones_weights.load_source(slice_, "alexnet", "imagenet")
    copied.write_bytes(content)
    received = backbones_weights.load_source(slice_, "alexnet", "imagenet")
    backbones_weights.assert_equal(received, arrays)
    assert server.requests == 0
    assert copied.is_file()


def test_several_may_fill_the_cache_at_the_same_time(tmp_path, server):
    content, arrays = backbones_weights.write_alexnet(tmp_path, stream=True)
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
    content, _ = backbones_weights.write_alexnet(tmp_path, stream=True)
    file = backbones_server.published_file(server, "alexnet.pth", content)
    monkeypatch.setitem(published.PUBLISHED, "alexnet", file)
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    backbones_weights.load_source(slice_, "alexnet", "imagenet")
    (converted,) = cached.iterdir()
    whole = converted.read_bytes()
    if fault == "truncated":
        converted.write_bytes(whole[:-8])
    elif fault == "altered":
        converted.write_bytes(whole[:-4] + b"\0\0\0\1")
    else:
        converted.write_bytes(whole.replace(b'"alexnet"', b'"alexnut"'))
    with pytest.raises(ValueError, match="Delete it; the next run makes it"):
        backbones_weights.load_source(slice_, "alexnet", "imagenet")
