"""Monit misses a file and runs us: somebody is paged; and it says so when the file is there again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.outside import first
from tests.monitors.pasted import PROGRAM as PASTED
from tests.monitors.pasted import alarm, shown
from tests.monitors.seen import incident_called, incidents_called, wait_until_it_is_said_to_be_over
from tocsin.embedded.play import Play
from tocsin.embedded.processes import Processes
from tocsin.embedded.stack import Stack

PROGRAM = "monit"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"not installed: {PROGRAM}"),
]


@contextmanager
def monit(folder: Path, checks: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Monit, looking every second."""
    files = [f"set {name}file {folder / name}" for name in ("pid", "id", "state")]
    config = folder / "monitrc"
    config.write_text("\n".join(["set daemon 1", f"set log {folder / 'log'}", *files, checks]))
    config.chmod(0o600)
    processes = Processes(folder / "logs")
    try:
        command = [PROGRAM, "-I", "-c", str(config)]
        processes.start(PROGRAM, command, environment, (folder / "state").exists)
        yield
    finally:
        processes.stop()


def test_a_file_goes_missing_and_comes_back(house: Stack, play: Play, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp"
    lamp.touch()
    program = str(alarm(tmp_path, house.child_environment()))
    checks = shown("monitrc").replace("/var/run/lamp", str(lamp)).replace(PASTED, program)

    with monit(tmp_path, checks, {"PATH": "/usr/bin:/bin"}):
        lamp.unlink()
        incident = incident_called(play, "file doesn't exist")
        first(play, incident, "sms")

        lamp.touch()
        wait_until_it_is_said_to_be_over(play, incident)

    assert incidents_called(play, "file doesn't exist") == [incident]
