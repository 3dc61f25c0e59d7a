"""A server on loopback that serves one file, correctly or not."""

import contextlib
import hashlib
import http.server
import threading

from trainers.weights import published


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content` as `server.mode` says."""

    def do_GET(self):
        server = self.server
        server.requests += 1
        content, mode = server.content, server.mode
        if mode == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        if mode not in ("no length", "endless"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        if mode in ("half-way", "stalled"):
            self.wfile.write(content[:half])
            self.wfile.flush()
            server.half_sent.set()
            if mode == "stalled":
                server.released.wait(30)
        elif mode == "endless":
            try:
                while not server.released.is_set():
                    self.wfile.write(bytes(1 << 16))
            except OSError:
                pass
        else:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    """Runs the server; its `content` and `mode` can be changed meanwhile."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.content, server.mode, server.requests = b"", "whole", 0
    server.half_sent, server.released = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def published_file(server, name, content, algorithm="sha256", digits=8):
    """Serves `content` and describes it as a published file."""
    server.content = content
    digest = hashlib.new(algorithm, content).hexdigest()
    port = server.server_address[1]
    return published.PublishedFile(
        url=f"http://127.0.0.1:{port}/models/{name}",
        hashes=((algorithm, digest[:digits]),),
        size_bytes=(len(content), len(content)),
        licence="none: a test",
    )
