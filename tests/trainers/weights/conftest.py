"""A server of weights on loopback, and an empty cache."""

import pytest

from tests.support import backbones_server


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with backbones_server.serving() as server:
        yield server


@pytest.fixture
def cached(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "text2image" / "backbones"
