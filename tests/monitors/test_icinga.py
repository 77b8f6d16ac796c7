"""Icinga 2 hears that a lamp is out and runs its notification command: somebody is paged."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.outside import first
from tests.monitors.lamps import Lamp
from tests.monitors.pasted import PROGRAM as PASTED
from tests.monitors.pasted import alarm, shown
from tests.monitors.seen import incident_called, incidents_called, wait_until_it_is_said_to_be_over
from tocsin.embedded.play import Play
from tocsin.embedded.processes import Processes
from tocsin.embedded.stack import Stack

PROGRAM = "icinga2"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"not installed: {PROGRAM}"),
]

CONFIG = """
include <itl>
object NotificationComponent "notification" {{}}
object CheckerComponent "checker" {{}}
object ExternalCommandListener "command" {{ command_path = "{folder}/commands" }}
object User "tocsin" {{}}
object Host "{lamp}" {{
  check_command = "passive"
  enable_active_checks = false
  max_check_attempts = 1
  address = "127.0.0.1"
}}
object Service "flame" {{
  host_name = "{lamp}"
  check_command = "passive"
  enable_active_checks = false
  max_check_attempts = 1
}}
apply Notification "tocsin" to Service {{
  command = "tocsin"
  users = [ "tocsin" ]
  interval = 5m
  assign where true
}}
apply Notification "tocsin" to Host {{
  command = "tocsin"
  users = [ "tocsin" ]
  interval = 5m
  assign where true
}}
"""


@contextmanager
def icinga(folder: Path, lamp: str, command: str) -> Iterator[None]:
    """Icinga with one host and one service, of which it learns through its command pipe."""
    config = folder / "icinga2.conf"
    config.write_text(CONFIG.format(folder=folder, lamp=lamp) + command)
    places = ("ConfigDir", "DataDir", "LogDir", "InitRunDir", "CacheDir", "SpoolDir")
    who = (f"-DRunAsUser={folder.owner()}", f"-DRunAsGroup={folder.group()}", "-DNodeName=lighthouse")
    defined = [*(f"-D{place}={folder}" for place in places), *who]
    processes = Processes(folder / "logs")
    try:
        start = [str(shutil.which(PROGRAM)), "daemon", "-c", str(config), *defined]
        processes.start(PROGRAM, start, {"PATH": "/usr/bin:/bin"}, (folder / "commands").exists)
        yield
    finally:
        processes.stop()


def tell(folder: Path, result: str) -> None:
    with (folder / "commands").open("w") as pipe:
        pipe.write(f"[{time.time():.0f}] {result}\n")


def test_a_lamp_goes_out_and_is_lit_again(house: Stack, play: Play, lamp: Lamp, tmp_path: Path) -> None:
    program = str(alarm(tmp_path, house.child_environment()))
    with icinga(tmp_path, lamp.name, shown("tocsin.conf").replace(PASTED, program)):
        tell(tmp_path, f"PROCESS_SERVICE_CHECK_RESULT;{lamp.name};flame;2;CRITICAL - it's out")
        incident = incident_called(play, f"flame on {lamp.name}: CRITICAL")
        first(play, incident, "sms")

        tell(tmp_path, f"PROCESS_SERVICE_CHECK_RESULT;{lamp.name};flame;0;OK - it burns")
        wait_until_it_is_said_to_be_over(play, incident)

        tell(tmp_path, f"PROCESS_HOST_CHECK_RESULT;{lamp.name};1;No answer")
        whole = incident_called(play, f"{lamp.name}: No answer")

    assert incidents_called(play, lamp.name) in ([incident, whole], [whole, incident])
