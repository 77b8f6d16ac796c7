"""The programs of others, as they are, before a running Tocsin: they are skipped where they are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.contracts.recorder import Recorder
from tests.e2e.conftest import lighthouse_stack
from tests.monitors.lamps import Lamp
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

LAMPS = count(1)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack that tests share."""
    stack = lighthouse_stack(tmp_path_factory.mktemp("house"))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def play(house: Stack) -> Iterator[Play]:
    """Somebody who speaks to it from outside."""
    play = Play(house)
    yield play
    play.close()


@pytest.fixture
def lamp() -> Iterator[Lamp]:
    """A lamp that is lit, and that no other test has."""
    lamp = Lamp(f"lamp-{next(LAMPS)}")
    lamp.light()
    yield lamp
    lamp.go_out()


@pytest.fixture
def gate(house: Stack) -> Iterator[Recorder]:
    """What monitors call in the receiver's place: it passes everything on, and keeps what was answered."""
    with Recorder(house.receiver_url) as recorder:
        yield recorder
