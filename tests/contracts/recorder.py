"""A recorder between a vendor's SDK and the sandbox: it passes everything on as it came, and keeps it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

_OF_ONE_HOP = frozenset({"connection", "host", "keep-alive", "transfer-encoding"})
"""Headers that belong to one connection and are not passed on (RFC 9110, 7.6.1)."""


@dataclass(frozen=True)
class Exchange:
    """One request as the SDK wrote it, and the answer to it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)


class Recorder:
    """Listens on loopback in front of `upstream`; a context manager. `exchanges` is what went through, in order."""

    def __init__(self, upstream: str) -> None:
        self.exchanges: list[Exchange] = []
        self._server = _Server(urlsplit(upstream).netloc, self.exchanges)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, exchanges: list[Exchange]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.exchanges = exchanges


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = _lowered(self.headers)
        exchange = Exchange(
            self.command, self.path, headers, body, *_passed_on(self.server.upstream, self, headers, body)
        )
        self.server.exchanges.append(exchange)
        self.send_response(exchange.status)
        for name, value in exchange.answer_headers.items():
            if name not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(exchange.answer)

    do_GET = do_POST  # noqa: N815  # the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _passed_on(
    upstream: str, request: _Handler, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(upstream, timeout=10)
    try:
        kept = {name: value for name, value in headers.items() if name not in _OF_ONE_HOP}
        connection.request(request.command, request.path, body, kept)
        answer = connection.getresponse()
        return answer.status, _lowered(answer.headers), answer.read()
    finally:
        connection.close()


def _lowered(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]
