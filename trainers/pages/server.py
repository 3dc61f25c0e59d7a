"""A small HTTP server for one page and its JSON answers.

The standard library's server has no limits of its own: this one checks who
asks (`access`), bounds sizes, connections and waiting requests, and keeps
nothing of what is sent.
"""

import errno
import http.server
import json
import socketserver
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from absl import logging

from trainers.pages.access import Access, resolve

# Enough for the longest text, each character as a JSON escape.
LARGEST_BODY = 256 << 10
_CONNECTIONS = 32
_WAITING = 4  # answers that wait for the one that is computed
_TIMEOUT_SECONDS = 20  # of a connection that sends nothing
_CLOSING_SECONDS = 10  # for the answer that is computed when the server ends

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

File = tuple[str, bytes]  # content type and content
# What a request's JSON object gets; a `ValueError` is the client's fault.
Answer = Callable[[Mapping[str, Any]], Any]


class BadRequest(Exception):
    """A request that is refused, with its HTTP status."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        """Keeps the status, what the client is told, and headers."""
        super().__init__(message)
        self.status = status
        self.headers = headers


class PageServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves files at GET and answers at POST, until it is closed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = _CONNECTIONS

    def __init__(
        self,
        host: str,
        port: int,
        access: Access,
    ) -> None:
        """Binds the port; nothing is served before `serve`.

        Args:
            host: Address or name of this machine.
            port: Port; 0 for a free one.
            access: Who may use the page.

        Raises:
            ValueError: If the port cannot be had.
        """
        self.access = access
        self.files: Mapping[str, File] = {}
        self.answers: Mapping[str, Answer] = {}
        self._connections = threading.BoundedSemaphore(_CONNECTIONS)
        self._waiting = threading.BoundedSemaphore(1 + _WAITING)
        self._computing = threading.Lock()
        self.address_family, address = resolve(host, port)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise ValueError(_explain(error, host, port)) from error

    def serve(
        self, files: Mapping[str, File], answers: Mapping[str, Answer]
    ) -> None:
        """Serves until the process is interrupted or `shutdown` is called.

        Args:
            files: Path to a file, for GET.
            answers: Path to what answers a POST of a JSON object.
        """
        self.files, self.answers = files, answers
        self.serve_forever()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host, port = self.server_address[:2]
        host = str(host)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def answer(self, path: str, request: Mapping[str, Any]) -> Any:
        """Answers one request at a time; a few wait, more are refused."""
        if not self._waiting.acquire(blocking=False):
            raise BadRequest(
                503,
                "Others are waiting for an answer. Try again in a moment.",
                **{"Retry-After": "2"},
            )
        try:
            with self._computing:
                return self.answers[path](request)
        finally:
            self._waiting.release()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for a connection, if there are not too many."""
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the client has gone."""

    def server_close(self) -> None:
        """Frees the port, after the answer that is being computed."""
        super().server_close()
        self._computing.acquire(timeout=_CLOSING_SECONDS)


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"--port={port} must be free. Received: one that another program "
            "uses. Name another one, or --port=0 for any that is free."
        )
    if error.errno == errno.EACCES:
        return (
            f"--port={port} may not be used by this user. Name one above 1023."
        )
    return (
        f"--host={host} must be an address of this machine, such as "
        f"127.0.0.1. Received: {error.strerror}."
    )


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request, then the connection closes (HTTP/1.0)."""

    server: PageServer
    server_version = "text-as-image"
    sys_version = ""
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Sends a file."""
        self._respond(self._file)

    def do_POST(self) -> None:
        """Sends the answer to a JSON object."""
        self._respond(self._answer)

    def _respond(self, respond: Callable[[], File]) -> None:
        headers: Mapping[str, str] = {}
        try:
            self._check()
            status, (kind, content) = 200, respond()
        except BadRequest as error:
            status, headers = error.status, error.headers
            kind, content = to_json({"error": str(error)})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _check(self) -> None:
        access = self.server.access
        host = self.headers.get("Host", "")
        if not access.has_known_host(host):
            raise BadRequest(
                403,
                "This name is not the page's. Open the address that the "
                "program printed, or start it with --names.",
            )
        if not access.has_own_origin(self.headers.get("Origin"), host):
            raise BadRequest(403, "Another web page may not ask this one.")
        if not access.has_password(self.headers.get("Authorization")):
            raise BadRequest(
                401,
                "The password is needed; any user name will do.",
                **{"WWW-Authenticate": 'Basic realm="text-as-image"'},
            )

    def _file(self) -> File:
        if self.path in self.server.answers:
            raise BadRequest(405, "Expected a POST.", Allow="POST")
        if self.path not in self.server.files:
            raise BadRequest(404, "There is no such file.")
        return self.server.files[self.path]

    def _answer(self) -> File:
        if self.path in self.server.files:
            raise BadRequest(405, "Expected a GET.", Allow="GET")
        if self.path not in self.server.answers:
            raise BadRequest(404, "There is no such answer.")
        request = self._read()
        try:
            return to_json(self.server.answer(self.path, request))
        except (BadRequest, ConnectionError):
            raise
        except ValueError as error:
            raise BadRequest(400, str(error)) from error
        except Exception as error:
            # Not the message: it may hold the text.
            logging.error(
                "page: %s in\n%s",
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )
            raise BadRequest(
                500, "The answer failed; the program's log says where."
            ) from error

    def _read(self) -> Mapping[str, Any]:
        """The body, which is read only if it is short enough."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(411, "Expected a Content-Length.")
        if len(length) > 9 or int(length) > LARGEST_BODY:
            raise BadRequest(
                413, f"Expected at most {LARGEST_BODY:,} bytes. Cut the text."
            )
        if self.headers.get_content_type() != "application/json":
            raise BadRequest(415, "Expected application/json.")
        try:
            request = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise BadRequest(400, "Expected JSON.") from error
        if not isinstance(request, dict):
            raise BadRequest(400, "Expected a JSON object.")
        return request

    def end_headers(self) -> None:
        """Ends the headers with those that every response has."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: no request, no address."""


def to_json(value: Any) -> File:
    """A JSON value as a file."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return "application/json", text.encode("utf-8")
