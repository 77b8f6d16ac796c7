"""A vendor's status page of our own: feeds in the shapes that AWS and Google publish, served over HTTP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], bytes]


def item(guid: str, published: str, title: str = "Service disruption: Errors", text: str = "We look.") -> str:
    """One update as the AWS Health Dashboard writes it."""
    return f"""
      <item>
        <title><![CDATA[{title}]]></title>
        <link>https://status.example.com/</link>
        <pubDate>{published}</pubDate>
        <guid isPermaLink="false">https://status.example.com/#{escape(guid)}</guid>
        <description><![CDATA[{text}]]></description>
      </item>"""


def at(moment: datetime) -> str:
    """A moment as feeds write it."""
    return format_datetime(moment)


def rss(*items: str) -> bytes:
    """A feed with these items, the newest first, as vendors have it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0">
  <channel>
    <title><![CDATA[Example Clouds Service Status]]></title>
    <link>https://status.example.com/</link>
    <lastBuildDate>Wed, 15 Dec 2021 00:05:42 PST</lastBuildDate>
    <generator>Example Health Dashboard RSS Generator</generator>
    <ttl>5</ttl>{"".join(items)}
  </channel>
</rss>""".encode()


@dataclass
class Newsstand:
    """Serves one feed; counts how often it was asked for, and how often it had changed."""

    body: bytes = rss()
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    packs: bool = False
    validates: bool = True
    instead: Callable[[str], Answer | None] = lambda path: None
    asked: int = 0
    unchanged: int = 0
    url: str = ""
    was_asked: threading.Condition = field(default_factory=threading.Condition)

    def prints(self, *items: str) -> None:
        """Publish these items, and no others."""
        self.body = rss(*items)

    def waits_until_asked(self, times: int) -> None:
        """Wait until the feed was asked for so often."""
        with self.was_asked:
            assert self.was_asked.wait_for(lambda: self.asked >= times, timeout=20), (
                f"asked {self.asked} times"
            )

    def answer(self, path: str, given: dict[str, str]) -> Answer:
        """What it says to a request with these headers."""
        with self.was_asked:
            self.asked += 1
            self.was_asked.notify_all()
        if other := self.instead(path):
            return other
        etag = f'"{hash(self.body):x}"'
        if self.validates and given.get("If-None-Match") == etag:
            self.unchanged += 1
            return 304, {"ETag": etag}, b""
        headers = {"ETag": etag} if self.validates else {}
        body = self.body
        if self.packs:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
        return self.status, {**headers, **self.headers}, body


@contextmanager
def opened() -> Iterator[Newsstand]:
    """A newsstand that is open; its feed is at `url`."""
    stand = Newsstand()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = stand.answer(self.path, dict(self.headers))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        stand.url = f"http://127.0.0.1:{server.server_port}/all.rss"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield stand
        finally:
            server.shutdown()
            thread.join()
