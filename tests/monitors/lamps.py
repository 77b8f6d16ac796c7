"""Lamps that Prometheus watches: each is a page with a measurement, and out when the page is not there."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from tocsin.embedded.processes import free_port


class Lamp:
    """A scrape target on loopback that can go out and be lit again. Light it, and let it go out at the end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self._server: HTTPServer | None = None
        self._thread: threading.Thread | None = None

    def light(self) -> None:
        """Answer from now on."""
        self._server = HTTPServer(("127.0.0.1", self.port), _Measurement)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def go_out(self) -> None:
        """Answer no more; nothing happens to a lamp that is out."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None


class _Measurement(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"lamp_candelas 600\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
