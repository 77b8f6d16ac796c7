"""A vendor on loopback that answers what it was told to, so that the real SDKs can be heard out."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlparse


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode())

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


Script = Answer | Callable[["_Handler"], None]


def silence(handler: _Handler) -> None:
    """Take the request and say nothing until the test is over."""
    handler.read_request()
    handler.server.over.wait(10)
    handler.close_connection = True


def reset_after_reading(handler: _Handler) -> None:
    handler.read_request()
    handler.reset()


def reset_before_reading(handler: _Handler) -> None:
    handler.reset()


class Vendor:
    """Answers requests in the order of its script; repeats nothing."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections: set[Any] = set()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def will(self, *script: Script) -> None:
        self._server.script.extend(script)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, vendor: Vendor) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.vendor = vendor
        self.script: deque[Script] = deque()
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 5

    def do_POST(self) -> None:
        self._follow(self.server.script.popleft() if self.server.script else Answer(599, "off script"))

    do_GET = do_POST  # noqa: N815  # the name that http.server calls

    def _follow(self, script: Script) -> None:
        if isinstance(script, Answer):
            self.read_request()
            self._answer(script)
        else:
            script(self)

    def _answer(self, script: Answer) -> None:
        body = script.encoded
        self.send_response(script.status)
        for name, value in {**script.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def read_request_and_answer(self, reply: Callable[[Request], Answer]) -> None:
        self._answer(reply(self.read_request()))

    def read_request(self) -> Request:
        url = urlparse(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.vendor.connections.add(self.client_address)
        request = Request(self.command, url.path, parse_qs(url.query), body)
        self.server.vendor.requests.append(request)
        return request

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


def closed_port() -> str:
    """An address on loopback where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
