"""The page's server, asked by a client of HTTP alone."""

import contextlib
import http.client
import json
import logging
import socket
import threading

import pytest

from trainers.pages.access import Access
from trainers.pages.server import HEADERS, LARGEST_BODY, BadRequest, PageServer

SECRET = "a text that nobody else may see"
PASSWORD = "correct horse battery"
FILES = {"/": ("text/html", b"<p>page"), "/page.css": ("text/css", b"p {}")}


def echo(request):
    return {"text": request["text"]}


def fail(request):
    raise KeyError(request["text"])


def refuse(request):
    raise BadRequest(400, "Type a text first.")


@contextlib.contextmanager
def serving(answers=None, access=Access()):  # noqa: B008  frozen
    answers = answers or {"/echo": echo, "/fail": fail, "/refuse": refuse}
    with PageServer("127.0.0.1", 0, access) as server:
        thread = threading.Thread(target=server.serve, args=(FILES, answers))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def ask(server, method, path, body=None, **headers):
    """Status, headers and content of a response."""
    connection = http.client.HTTPConnection(*server.server_address, timeout=20)
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.headers, content


def test_files_and_answers_are_served_with_headers_that_protect(server):
    status, headers, content = ask(server, "GET", "/")
    assert (status, content) == (200, b"<p>page")
    assert headers["Content-Type"] == "text/html"
    status, answer_headers, content = ask(
        server, "POST", "/echo", {"text": SECRET}
    )
    assert (status, json.loads(content)) == (200, {"text": SECRET})
    for name, value in HEADERS.items():
        assert headers[name] == answer_headers[name] == value
    assert headers["Cache-Control"] == "no-store"
    assert "'unsafe" not in headers["Content-Security-Policy"]
    assert headers["Server"].strip() == "text-as-image"


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/", None, {"Host": "evil.example"}, 403),
        ("POST", "/echo", {"text": ""}, {"Host": "evil.example"}, 403),
        ("POST", "/echo", {"text": ""}, {"Origin": "http://a.example"}, 403),
        ("POST", "/echo", {"text": ""}, {"Origin": "null"}, 403),
        ("GET", "/../server.py", None, {}, 404),
        ("GET", "/%2e%2e/server.py", None, {}, 404),
        ("GET", "//etc/passwd", None, {}, 404),
        ("GET", "/page.css/../../../setup.py", None, {}, 404),
        ("GET", "/page.css?x", None, {}, 404),
        ("GET", "/echo", None, {}, 405),
        ("POST", "/", {}, {}, 405),
        ("POST", "/none", {}, {}, 404),
        ("PUT", "/echo", {}, {}, 501),
        ("DELETE", "/", None, {}, 501),
        ("POST", "/echo", "{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/echo", "{}", {}, 415),
        ("POST", "/echo", None, {"Content-Length": "-1"}, 411),
        ("POST", "/echo", None, {"Content-Length": "1e3"}, 411),
        ("POST", "/echo", None, {"Content-Length": "9" * 99}, 413),
        (
            "POST",
            "/echo",
            None,
            {"Content-Length": str(LARGEST_BODY + 1)},
            413,
        ),
        ("POST", "/refuse", {}, {}, 400),
        ("POST", "/echo", [], {}, 400),
        ("POST", "/fail", {"text": SECRET}, {}, 500),
    ],
)
def test_other_requests_are_refused(
    server, method, path, body, headers, status
):
    answered, received, content = ask(server, method, path, body, **headers)
    assert answered == status
    assert received["X-Content-Type-Options"] == "nosniff"
    assert SECRET.encode() not in content


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "\xff", "NaN"])
def test_what_is_not_a_json_object_is_refused(server, body):
    kind = {"Content-Type": "application/json"}
    assert ask(server, "POST", "/echo", body, **kind)[0] == 400


def test_a_body_without_a_length_is_refused_unread(server):
    with socket.create_connection(server.server_address, timeout=20) as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        assert client.recv(100).split()[1] == b"411"


def test_nothing_that_is_typed_is_written_anywhere(server, caplog, capfd):
    with caplog.at_level(logging.DEBUG, logger="absl"):
        ask(server, "POST", "/echo", {"text": SECRET})
        ask(server, "POST", "/fail", {"text": SECRET})
        ask(server, "GET", f"/{SECRET.replace(' ', '+')}")
    written = "".join([caplog.text, *capfd.readouterr()])
    assert "KeyError" in written  # the failure is reported
    assert SECRET not in written
    assert SECRET.replace(" ", "+") not in written


def test_a_password_protects_files_and_answers():
    with serving(access=Access(password=PASSWORD)) as server:
        for method, path in (("GET", "/"), ("POST", "/echo")):
            body = {"text": ""} if method == "POST" else None
            status, headers, _ = ask(server, method, path, body)
            assert status == 401
            assert headers["WWW-Authenticate"].startswith("Basic ")
            right = "Basic YTpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="  # a:PASSWORD
            status, _, _ = ask(server, method, path, body, Authorization=right)
            assert status == 200


def test_one_answer_at_a_time_and_a_short_queue():
    may_end = threading.Event()
    running, most = [], []

    def slow(request):
        running.append(None)
        most.append(len(running))
        may_end.wait(20)
        running.pop()
        return {}

    statuses = []
    with serving({"/slow": slow}) as server:

        def client():
            statuses.append(ask(server, "POST", "/slow", {})[:2])

        clients = [threading.Thread(target=client) for _ in range(8)]
        for each in clients:
            each.start()
        while len(statuses) < 3:  # those that find no place
            threading.Event().wait(0.01)
        assert ask(server, "GET", "/")[0] == 200  # files do not wait
        may_end.set()
        for each in clients:
            each.join()
    refused = [headers for status, headers in statuses if status == 503]
    assert len(refused) == 3
    assert all(headers["Retry-After"] == "2" for headers in refused)
    assert sum(status == 200 for status, _ in statuses) == 5
    assert max(most) == 1


def test_a_taken_port_and_a_foreign_address_are_explained(server):
    port = server.server_address[1]
    with pytest.raises(ValueError, match=f"--port={port} must be free"):
        PageServer("127.0.0.1", port, Access())
    with pytest.raises(ValueError, match="must be an address of this machine"):
        PageServer("192.0.2.1", 0, Access())  # of documentation: RFC 5737


def test_the_address_is_one_that_a_browser_opens():
    for host, start in (
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
    ):
        with PageServer(host, 0, Access()) as server:
            assert server.url.startswith(start)
            assert server.url.endswith(f":{server.server_address[1]}/")
