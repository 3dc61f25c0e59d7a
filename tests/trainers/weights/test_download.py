"""Downloads from a server on loopback, whole and broken."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.support import backbones_server
from trainers import backbones
from trainers.weights import download, published

ROOT = pathlib.Path(__file__).parents[3]


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


def test_name_that_is_not_resolved_is_given_up_soon(tmp_path, monkeypatch):
    released = threading.Event()

    def resolve(*_):  # as a machine whose name server does not answer
        released.wait(30)
        raise OSError("released")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("no_proxy", "*")
    file = published.PUBLISHED["alexnet"]
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.2 s"):
        download.fetch(file, tmp_path, timeout_s=0.2)
    assert time.monotonic() - start < 20
    released.set()


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


def test_every_backbone_has_a_published_file():
    assert sorted(published.PUBLISHED) == sorted(backbones.BACKBONES)
    for file in published.PUBLISHED.values():
        assert file.url.startswith("https://")
        assert 0 < file.size_bytes[0] <= file.size_bytes[1]
        if file.name.endswith(".pth"):  # torchvision's rule
            digits = file.name.removesuffix(".pth").rsplit("-", 1)[1]
            assert dict(file.hashes)["sha256"].startswith(digits)
