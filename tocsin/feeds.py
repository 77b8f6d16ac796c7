"""Reading vendors' feeds over HTTP, as a good guest: seldom, only what has changed, and never more than is bearable."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import NamedTuple

import httpx

from tocsin import __version__
from tocsin.domain.feeds import FeedFormat, FeedPost, FeedUnreadable
from tocsin.feedformats import parse

PATIENCE = 20.0
"""Seconds that one reading may take; each step of it half a quarter of that."""
LARGEST = 8 * 1024 * 1024
"""Bytes of a feed, unpacked; Google's list of a year's incidents has some two million."""
MOST_REDIRECTS = 5


class _Known(NamedTuple):
    """What a feed said last, and how to ask whether it says so still."""

    etag: str
    last_modified: str
    posts: tuple[FeedPost, ...]


class HttpFeeds:
    """Reads feeds, and remembers what each said last: whoever watches one, it is fetched again only when it changed."""

    def __init__(self, patience: float = PATIENCE, largest: int = LARGEST) -> None:
        self._patience = patience
        self._largest = largest
        self._known: dict[tuple[str, FeedFormat], _Known] = {}
        self._client = httpx.Client(
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            timeout=patience / 4,
            limits=httpx.Limits(max_keepalive_connections=0),  # minutes pass before the next reading
            headers={"User-Agent": f"tocsin/{__version__}", "Accept-Encoding": "gzip"},
        )

    def read(self, url: str, format: FeedFormat) -> tuple[FeedPost, ...]:
        """Every post that is in the feed now. Raises `FeedUnreadable`."""
        known = self._known.get((url, format))
        try:
            with self._client.stream("GET", url, headers=_conditions(known)) as response:
                if known is not None and response.status_code == httpx.codes.NOT_MODIFIED:
                    return known.posts
                posts = self._posts_in(response, url, format)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FeedUnreadable(f"{url}: {error or type(error).__name__}") from error
        validators = (response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
        self._known[url, format] = _Known(*validators, posts)
        return posts

    def _posts_in(self, response: httpx.Response, url: str, format: FeedFormat) -> tuple[FeedPost, ...]:
        if response.status_code != httpx.codes.OK:
            raise FeedUnreadable(f"{url} answered {response.status_code}")
        hops = [str(hop.url) for hop in (*response.history, response)]
        if url.startswith("https:") and not all(hop.startswith("https:") for hop in hops):
            raise FeedUnreadable(f"{url} leads away from HTTPS, where anybody could put words into it")
        try:
            return parse(self._body(response), format, hops[-1])
        except FeedUnreadable as error:
            raise FeedUnreadable(f"{url}: {error}") from error

    def _body(self, response: httpx.Response) -> bytes:
        """The body, unpacked no further than is bearable: a few bytes of gzip may stand for gigabytes."""
        body, deadline = bytearray(), time.monotonic() + self._patience
        unpack = _unpacking(response.headers.get("Content-Encoding", ""))
        for chunk in response.iter_raw():
            body += unpack(chunk, self._largest + 1 - len(body))
            if len(body) > self._largest:
                raise FeedUnreadable(f"it is larger than {self._largest:,} bytes")
            if time.monotonic() > deadline:
                raise FeedUnreadable(f"it was not complete after {self._patience:g} seconds")
        return bytes(body)


def _conditions(known: _Known | None) -> dict[str, str]:
    if known is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes]:
    """How to unpack a chunk of the body to at most so many bytes."""
    if encoding in {"", "identity"}:
        return lambda chunk, most: chunk[:most]
    if encoding != "gzip":
        raise FeedUnreadable(f"it is packed with {encoding}, which was not asked for")
    gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def unpack(chunk: bytes, most: int) -> bytes:
        try:
            return gzip.decompress(chunk, most)
        except zlib.error as error:
            raise FeedUnreadable(f"it is broken gzip: {error}") from error

    return unpack
