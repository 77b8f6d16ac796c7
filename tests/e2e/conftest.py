"""Everything for real: a Temporal server, the sandbox, the receiver and a worker, each in its own process.

Starting all of it takes seconds, so most tests share one `house`. Whoever kills something in it does so through
`tests.e2e.outside.dead`, which starts it again whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.outside import Onlooker, let_all_be_well, running_stack
from tests.workflows.lighthouse import DIRECTORY, PLAN
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Ports, Stack
from tocsin.settings import environment

LAMPS = count(1)
"""Each test lets a lamp of its own go out."""


NO_DIGESTS = "paging: {digest: {over: 1000}}"
"""Tests that share a house page the same people within the same minute, and count what arrives."""


def lighthouse_stack(folder: Path, drill_speed: int | None = None, paging: str = NO_DIGESTS) -> Stack:
    """A stack that runs the lighthouse's plan on free ports, with these rules for its pages."""
    plan = folder / "plans" / "lighthouse"
    plan.mkdir(parents=True)
    (plan / "plan.yaml").write_text(f"{PLAN}{paging}\n")
    (plan / "directory.yaml").write_text(DIRECTORY)
    variables = {
        name: value for name, value in environment().items() if not name.startswith(("TEMPORAL_", "TOCSIN_"))
    }
    variables["TOCSIN_PLANS"] = str(folder / "plans")
    return Stack(folder / "state", variables, Ports.free(), drill_speed)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack that tests share."""
    with running_stack(lighthouse_stack(tmp_path_factory.mktemp("house"))) as stack:
        yield stack


@pytest.fixture
def play(house: Stack) -> Iterator[Play]:
    """Somebody who speaks to the shared stack from outside; afterwards the vendors are well again, and nobody rings."""
    with closing(Onlooker(house)) as play:
        yield play
        let_all_be_well(house)
        play.leave()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[Stack]:
    """A running stack that no other test has; its plan is below `tmp_path`."""
    with running_stack(lighthouse_stack(tmp_path)) as stack:
        yield stack


@pytest.fixture
def own_play(own_house: Stack) -> Iterator[Play]:
    """Somebody who speaks to the test's own stack from outside."""
    with closing(Onlooker(own_house)) as play:
        yield play


@pytest.fixture
def lamp() -> int:
    """The number of a lamp that no other test has."""
    return next(LAMPS)
