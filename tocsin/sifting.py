"""Sifting a list: which of its rows a broadcast can write to, in which order, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tocsin.audiences import Entry, Malformed, row_of
from tocsin.broadcastfiles import Trouble
from tocsin.domain.broadcasts import Row
from tocsin.domain.channel import ChannelName
from tocsin.domain.state import BroadcastCounts

WhyNot = Callable[[str], str]
"""Why nothing may be sent to an address, such as `bounced`; empty when it may."""


@dataclass
class Sifted:
    """What a list came to. Those whose message is worded alike stand together, so that one request serves many."""

    rows: list[Row] = field(default_factory=list, repr=False)
    troubles: list[Trouble] = field(default_factory=list)
    malformed: int = 0
    suppressed: int = 0
    doubled: int = 0

    @property
    def counts(self) -> BroadcastCounts:
        """The counts before anything is sent. An address that stands in a list twice is one recipient."""
        return BroadcastCounts(
            recipients=len(self.rows) + self.malformed + self.suppressed,
            malformed=self.malformed,
            suppressed=self.suppressed,
        )


def sift(entries: Iterable[Entry], channel: ChannelName, why_not: WhyNot) -> Sifted:
    """Go through a list once. Raises what reading it raises."""
    sifted, first = Sifted(), dict[str, int]()
    for entry in entries:
        try:
            row = row_of(entry, channel)
        except Malformed as error:
            sifted.malformed += 1
            sifted.troubles.append(_trouble(entry, str(error)))
            continue
        address = row.to.casefold()
        if address in first:
            sifted.doubled += 1
            sifted.troubles.append(
                _trouble(entry, f"is written to once: row {first[address]} has the same address")
            )
            continue
        first[address] = row.number
        if reason := why_not(row.to):
            sifted.suppressed += 1
            sifted.troubles.append(_trouble(entry, reason))
        else:
            sifted.rows.append(row)
    sifted.rows.sort(key=lambda row: row.style)
    return sifted


def _trouble(entry: Entry, reason: str) -> Trouble:
    return Trouble(row=entry.number, key=entry.given.get("key", ""), reason=reason)
