"""Who may use the page: names, origins, passwords, addresses."""

import base64
import re

import pytest

from trainers.pages import access
from trainers.pages.access import Access

PASSWORD = "correct horse battery"
LOCAL = Access()
REMOTE = Access(True, frozenset({"page.example"}), PASSWORD)


@pytest.mark.parametrize(
    ("host", "local", "remote"),
    [
        ("127.0.0.1:8600", True, True),
        ("127.0.0.1", True, True),
        ("127.1.2.3:1", True, True),
        ("localhost:8600", True, True),
        ("LOCALHOST", True, True),
        ("[::1]:8600", True, True),
        ("10.0.0.7:8600", False, True),  # an address cannot be rebound
        ("0.0.0.0:8600", False, True),
        ("page.example", False, True),
        ("PAGE.example:443", False, True),
        ("evil.example:8600", False, False),
        ("localhost.evil.example", False, False),
        ("page.example.evil.example", False, False),
        ("127.0.0.1:8600@evil.example", False, False),
        ("127.0.0.1, evil.example", False, False),
        ("127.0.0.1\n", False, False),
        ("", False, False),
        ("١٢٧.0.0.1", False, False),
        ("2130706433", False, False),  # 127.0.0.1 as one number
    ],
)
def test_only_names_of_the_page_are_answered(host, local, remote):
    assert LOCAL.has_known_host(host) is local
    assert REMOTE.has_known_host(host) is remote


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        (None, "127.0.0.1:8600", True),
        ("http://127.0.0.1:8600", "127.0.0.1:8600", True),
        ("https://page.example", "page.example", True),  # TLS by a proxy
        ("http://127.0.0.1:9999", "127.0.0.1:8600", False),
        ("http://evil.example", "127.0.0.1:8600", False),
        ("null", "127.0.0.1:8600", False),
        ("", "127.0.0.1:8600", False),
        ("file://127.0.0.1:8600", "127.0.0.1:8600", False),
        ("http://[::1", "127.0.0.1:8600", False),
    ],
)
def test_other_pages_may_not_ask(origin, host, is_own):
    assert LOCAL.has_own_origin(origin, host) is is_own


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "is_right"),
    [
        (basic(f"anyone:{PASSWORD}"), True),
        (basic(f":{PASSWORD}"), True),
        (basic(f"{PASSWORD}:"), False),
        (basic("anyone:wrong horse battery"), False),
        (basic(PASSWORD), False),
        (f"Bearer {PASSWORD}", False),
        ("Basic ???", False),
        ("Basic é", False),
        ("", False),
        (None, False),
    ],
)
def test_the_password_is_needed(header, is_right):
    assert REMOTE.has_password(header) is is_right
    assert LOCAL.has_password(header)
    assert PASSWORD not in repr(REMOTE)


@pytest.mark.parametrize(
    ("host", "password", "allow_remote", "message"),
    [
        ("0.0.0.0", PASSWORD, False, "can be reached from other machines"),
        ("::", PASSWORD, False, "can be reached from other machines"),
        ("0.0.0.0", "", True, "needs a password"),
        ("0.0.0.0", "short", True, "at least 12 characters"),
        ("127.0.0.1", "short", False, "at least 12 characters"),
        ("no such host.", "", False, "must be an address of this machine"),
    ],
)
def test_a_page_that_is_not_safe_is_refused(
    host, password, allow_remote, message
):
    with pytest.raises(ValueError, match=re.escape(message)):
        access.check_remote(host, password, allow_remote=allow_remote)


def test_a_remote_page_knows_its_names():
    made = access.check_remote(
        "0.0.0.0", PASSWORD, allow_remote=True, names=("Page.example",)
    )
    assert made.has_known_host("page.example")
    assert not made.has_known_host("evil.example")
    assert access.check_remote("localhost", "", allow_remote=True) == LOCAL


def test_a_password_is_read_from_a_file_or_the_environment(tmp_path):
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\r\nnot this\n")
    assert access.read_password(str(path), "other") == PASSWORD
    path.write_text(f"{PASSWORD}\n", "utf-8-sig")  # as Windows writes it
    assert access.read_password(str(path), None) == PASSWORD
    assert access.read_password("", PASSWORD) == PASSWORD
    assert access.read_password("", None) == ""
    path.write_text("\n")
    with pytest.raises(ValueError, match="first line"):
        access.read_password(str(path), PASSWORD)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="UTF-8"):
        access.read_password(str(path), None)
    with pytest.raises(FileNotFoundError, match="password_file"):
        access.read_password(str(tmp_path / "none"), None)
