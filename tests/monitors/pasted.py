"""What docs/monitors.md has people paste into the configuration of a monitor, and the program that it runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from tocsin.embedded.stack import ROOT

PROGRAM = "/usr/local/bin/tocsin-alarm"


def shown(title: str, info: str = "text") -> str:
    """The block with this title."""
    page = (ROOT / "docs" / "monitors.md").read_text()
    title = re.escape(f'{info} title="{title}"')
    [block] = re.findall(rf"^```{title}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return block


def alarm(folder: Path, environment: Mapping[str, str]) -> Path:
    """The program, on this machine: with these settings, for the lighthouse's plan."""
    settings = folder / "alarm.env"
    settings.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items()))
    script = shown("tocsin-alarm", "sh")
    ours = {
        "/etc/tocsin/alarm.env": str(settings),
        "/opt/tocsin": str(ROOT),
        ".venv/bin/python": sys.executable,
        'start "$@"': 'start --plan lighthouse "$@"',
    }
    for theirs, own in ours.items():
        assert theirs in script
        script = script.replace(theirs, own)
    program = folder / "tocsin-alarm"
    program.write_text(script)
    program.chmod(0o700)
    return program
