"""A receiver that stands for the product, and a house: a sandbox with the vendors' own SDKs pointed at it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl

from sendgrid import SendGridAPIClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox

PHONE = "+15005550100"
OURS = "+15005550006"


@dataclass(frozen=True)
class Heard:
    """One request that reached the receiver."""

    path: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Receiver:
    """Records every request; answers each path from its script, and 200 with nothing when that is used up."""

    def __init__(self, port: int = 0) -> None:
        self.heard: list[Heard] = []
        self._scripts: dict[str, deque[tuple[int, str]]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, path: str, body: str = "", status: int = 200) -> None:
        self._scripts[path].append((status, body))

    def hears(self, path: str, count: int = 1, timeout: float = 5.0) -> list[Heard]:
        """The requests to `path`, once there are `count` of them."""
        with self._changed:
            reached = self._changed.wait_for(lambda: len(self._at(path)) >= count, timeout)
            assert reached, f"{path} heard {len(self._at(path))} requests within {timeout} s, not {count}"
            return self._at(path)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _at(self, path: str) -> list[Heard]:
        return [heard for heard in self.heard if heard.path == path]

    def _take(self, heard: Heard) -> tuple[int, str]:
        with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()
        script = self._scripts[heard.path]
        return script.popleft() if script else (200, "")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                url = f"{receiver.url}{self.path}"
                status, answer = receiver._take(Heard(self.path, url, dict(self.headers.items()), body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        return Handler


@dataclass(frozen=True)
class House:
    """A sandbox with its receiver and both vendors' SDKs."""

    sandbox: Sandbox
    receiver: Receiver
    twilio: Client
    sendgrid: SendGridAPIClient


def twilio_client(sandbox: Sandbox, token: str | None = None) -> Client:
    http = TwilioHttpClient(pool_connections=False, timeout=5)
    client = Client(sandbox.config.account_sid, token or sandbox.config.auth_token, http_client=http)
    client.api.base_url = sandbox.url
    return client


def config_for(receiver: Receiver, **changes: object) -> SandboxConfig:
    values: dict[str, object] = {
        "events_url": f"{receiver.url}/events",
        "inbound_sms_url": f"{receiver.url}/inbound",
        "callback_waits": (0.02, 0.05, 0.1, 0.2, 0.4),
        "seconds_per_word": 0,
    }
    return SandboxConfig.model_validate({**values, **changes})
