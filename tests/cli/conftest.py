"""A desk to type at, and no waiting for lists that lag."""

from __future__ import annotations

import pytest

from tests.cli.office import Desk
from tocsin.cli import session


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk at three in the night, with one incident open."""
    monkeypatch.setattr(session, "RETRIES", (0.0, 0.0, 0.0, 0.0))
    return Desk()
