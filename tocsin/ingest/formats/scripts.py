"""Monitors that run a program, ours, by their names: what they say is in the program's environment.

A format is a function from what was told to a reading. It raises `Problem` for what it cannot read, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tocsin.domain.readings import Reading
from tocsin.ingest.formats import icinga, monit, nagios
from tocsin.ingest.formats.told import Told


@dataclass(frozen=True)
class Script:
    """How a monitor speaks to a program. `prefix` is what the names of its variables begin with, and no others do;
    readers are spared it."""

    reader: Callable[[Told], Reading]
    prefix: str

    def read(self, said: Mapping[str, str]) -> Reading:
        """What was said, under names with the prefix or without it. Raises `Problem`."""
        return self.reader(Told({name.removeprefix(self.prefix): value for name, value in said.items()}))


SCRIPTS: Mapping[str, Script] = MappingProxyType(
    {
        "nagios": Script(nagios.read, nagios.PREFIX),
        "icinga": Script(icinga.read, icinga.PREFIX),
        "monit": Script(monit.read, monit.PREFIX),
    }
)
