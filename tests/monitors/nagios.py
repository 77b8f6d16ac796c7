"""Nagios Core itself, as Debian packages it, with one host and one service that only it is told about."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tocsin.embedded.processes import Processes

PROGRAM = "nagios4"

CONFIG = """
log_file={folder}/nagios.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
state_retention_file={folder}/retention.dat
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}/results
lock_file={folder}/nagios.lock
command_file={folder}/commands
query_socket={folder}/query
check_external_commands=1
enable_environment_macros={macros}
illegal_macro_output_chars=`~$&|'"<>
notification_timeout=75
nagios_user={user}
nagios_group={group}
use_syslog=0
check_for_updates=0
"""

OBJECTS = """
define timeperiod {{
    timeperiod_name  24x7
    alias            Always
    sunday           00:00-24:00
    monday           00:00-24:00
    tuesday          00:00-24:00
    wednesday        00:00-24:00
    thursday         00:00-24:00
    friday           00:00-24:00
    saturday         00:00-24:00
}}
define command {{
    command_name  nothing
    command_line  /bin/true
}}
{tocsin}
define host {{
    host_name              {lamp}
    address                127.0.0.1
    check_command          nothing
    max_check_attempts     1
    active_checks_enabled  0
    check_period           24x7
    notification_period    24x7
    notification_interval  0
    contacts               tocsin
    _TEAM                  keepers
}}
define service {{
    host_name              {lamp}
    service_description    flame
    check_command          nothing
    max_check_attempts     1
    active_checks_enabled  0
    check_interval         1
    retry_interval         1
    check_period           24x7
    notification_period    24x7
    notification_interval  0
    contacts               tocsin
}}
"""


def is_missing() -> bool:
    """Whether it is not on this machine."""
    return shutil.which(PROGRAM) is None


class Nagios:
    """A Nagios that hears of check results through its command file, and notifies by what `tocsin` defines."""

    def __init__(self, folder: Path, lamp: str, tocsin: str, exports_macros: bool) -> None:
        self._folder = folder
        self._lamp = lamp
        (folder / "results").mkdir()
        config = CONFIG.format(
            folder=folder,
            macros=int(exports_macros),
            user=pwd.getpwuid(os.getuid()).pw_name,
            group=grp.getgrgid(os.getgid()).gr_name,
        )
        (folder / "nagios.cfg").write_text(config)
        (folder / "objects.cfg").write_text(OBJECTS.format(tocsin=tocsin, lamp=lamp))

    @contextmanager
    def running(self, environment: Mapping[str, str]) -> Iterator[Nagios]:
        """Run it until leaving."""
        processes = Processes(self._folder / "logs")
        try:
            command = [str(shutil.which(PROGRAM)), str(self._folder / "nagios.cfg")]
            processes.start(PROGRAM, command, environment, (self._folder / "commands").exists)
            yield self
        finally:
            processes.stop()

    def hears_of_the_service(self, state: int, output: str) -> None:
        """The flame was looked at: 0 is OK, 2 is CRITICAL."""
        self._tell(f"PROCESS_SERVICE_CHECK_RESULT;{self._lamp};flame;{state};{output}")

    def hears_of_the_host(self, state: int, output: str) -> None:
        """The lamp was looked at: 0 is UP, 1 is DOWN."""
        self._tell(f"PROCESS_HOST_CHECK_RESULT;{self._lamp};{state};{output}")

    @property
    def log(self) -> str:
        """What it has written so far."""
        return (self._folder / "nagios.log").read_text()

    def _tell(self, command: str) -> None:
        with (self._folder / "commands").open("w") as pipe:
            pipe.write(f"[{time.time():.0f}] {command}\n")
