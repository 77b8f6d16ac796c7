"""The programs of others, as they are, before a running Tocsin: they are skipped where they are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests.channels.mailserver import Certificate
from tests.contracts.recorder import Recorder
from tests.e2e.conftest import lighthouse_stack
from tests.e2e.outside import Onlooker, running_stack
from tests.monitors.lamps import Lamp
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

LAMPS = count(1)
ROUTING_KEY = "0123456789abcdef0123456789abcdef"

PAGERDUTY = f"""
source: pagerduty
format: pagerduty
plan: lighthouse
lock: {{routing_keys: {ROUTING_KEY}}}
"""


def house_with_sources(folder: Path, **sources: str) -> Stack:
    """A stack on free ports with the lighthouse's plan, at which these sources report."""
    (folder / "sources").mkdir()
    for name, content in sources.items():
        (folder / "sources" / f"{name}.yaml").write_text(content)
    stack = lighthouse_stack(folder)
    return replace(stack, environment={**stack.environment, "TOCSIN_SOURCES": str(folder / "sources")})


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack that tests share."""
    folder = tmp_path_factory.mktemp("house")
    with running_stack(house_with_sources(folder, pagerduty=PAGERDUTY)) as stack:
        yield stack


@pytest.fixture
def play(house: Stack) -> Iterator[Play]:
    """Somebody who speaks to it from outside."""
    with closing(Onlooker(house)) as play:
        yield play


@pytest.fixture
def lamp() -> Iterator[Lamp]:
    """A lamp that is lit, and that no other test has."""
    lamp = Lamp(f"lamp-{next(LAMPS)}")
    lamp.light()
    yield lamp
    lamp.go_out()


class SecureGate(Recorder):
    """The same over TLS, which is all that PagerDuty's client speaks."""

    def __init__(self, upstream: str, certificate: Certificate) -> None:
        super().__init__(upstream)
        self.certificate = certificate
        self._server.socket = certificate.context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return super().url.replace("http://", "https://")


@pytest.fixture
def secure_gate(house: Stack, tmp_path: Path) -> Iterator[SecureGate]:
    """What stands before the receiver where it can be reached from elsewhere, and keeps what was answered."""
    with SecureGate(house.receiver_url, Certificate(tmp_path)) as gate:
        yield gate


@pytest.fixture
def gate(house: Stack) -> Iterator[Recorder]:
    """What monitors call in the receiver's place: it passes everything on, and keeps what was answered."""
    with Recorder(house.receiver_url) as recorder:
        yield recorder
