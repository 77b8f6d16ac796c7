"""A client of the receiver that costs next to nothing itself: what it sends is ready before the clock runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from bench.monitor import AGAIN_AFTER, Accepted, payload


class Line:
    """One connection that is kept. Everything raises `OSError` when the receiver hangs up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send_all(self, requests: Sequence[bytes]) -> list[Accepted]:
        """One after the other; each again while the receiver is too busy. Raises `ValueError` for a refusal."""
        return [await self._send(request) for request in requests]

    async def _send(self, request: bytes) -> Accepted:
        began, start, turned_away = time.time(), time.perf_counter(), 0
        while True:
            self._writer.write(request)
            status, body = await self._answer()
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                turned_away += 1
                await asyncio.sleep(AGAIN_AFTER)
                continue
            if status != HTTPStatus.ACCEPTED:
                raise ValueError(f"the receiver answered {status}: {body.decode()}")
            return Accepted(began, time.perf_counter() - start, json.loads(body)["key"], turned_away)

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length)

    def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()


def request(name: str) -> bytes:
    """The alert of that name, as it goes over the line."""
    body = json.dumps(payload(name)).encode()
    head = (
        "POST /v1/alertmanager HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_over(receiver: str, lines: int, requests: Sequence[bytes]) -> tuple[float, list[Accepted]]:
    """All of them over so many lines, each of which sends its next one once the last is answered; how long it took."""
    url = urlsplit(receiver)
    opened = [Line(*await asyncio.open_connection(url.hostname, url.port)) for _ in range(lines)]
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(line.send_all(requests[number::lines]) for number, line in enumerate(opened))
    )
    seconds = time.perf_counter() - began
    for line in opened:
        line.hang_up()
    return seconds, [accepted for share in answers for accepted in share]
