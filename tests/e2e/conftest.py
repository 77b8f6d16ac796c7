"""Everything for real: a Temporal server, the sandbox, the receiver and a worker, each in its own process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.lighthouse import DIRECTORY, PLAN
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Ports, Stack
from tocsin.settings import environment


def lighthouse_stack(folder: Path) -> Stack:
    """A stack that runs the lighthouse's plan on free ports."""
    plan = folder / "plans" / "lighthouse"
    plan.mkdir(parents=True)
    (plan / "plan.yaml").write_text(PLAN)
    (plan / "directory.yaml").write_text(DIRECTORY)
    variables = {
        name: value for name, value in environment().items() if not name.startswith(("TEMPORAL_", "TOCSIN_"))
    }
    variables["TOCSIN_PLANS"] = str(folder / "plans")
    return Stack(folder / "state", variables, Ports.free())


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running stack of one's own."""
    stack = lighthouse_stack(tmp_path)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def play(stack: Stack) -> Iterator[Play]:
    """Somebody who speaks to the stack from outside."""
    play = Play(stack)
    yield play
    play.close()
