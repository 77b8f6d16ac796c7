"""What monitors send, format by format: each turns a request into readings (`tocsin.domain.readings`).

A format is a function from what was delivered, and the source that it came from, to readings. It raises `Problem` for
what it cannot read; nothing else may come out of it, whatever a stranger sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.readings import Reading
from tocsin.sources import Source


@dataclass(frozen=True)
class Delivered:
    """A request as it came: its body, its headers by their names in lower case, and when."""

    body: bytes
    headers: Mapping[str, str]
    received: datetime


Format = Callable[[Delivered, Source], tuple[Reading, ...]]
"""Reads a request; several readings where a request holds alerts that do not belong together, none for a greeting."""
