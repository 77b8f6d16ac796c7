"""Connections that can be reset under a client, as a vendor's load balancer does on a bad day."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_LINGER_ZERO = struct.pack("ii", 1, 0)

Peer = tuple[str, int]


class Connections:
    """The open connections by their client's address."""

    def __init__(self) -> None:
        self._open: dict[Peer, asyncio.Transport] = {}

    def reset(self, scope: Scope) -> None:
        """Send a TCP reset to the client of `scope`: not a polite close, so no answer can be read from it."""
        transport = self._open.get(tuple(scope["client"]))
        if transport:
            raw: socket.socket = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            transport.abort()

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's protocol class, made to enter its connections here."""
        register = self._open

        class Registered(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                register[_peer(transport)] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                register.pop(_peer(self.transport), None)
                super().connection_lost(exc)

        return Registered


def _peer(transport: asyncio.Transport) -> Peer:
    host, port, *_ = transport.get_extra_info("peername")
    return host, port
