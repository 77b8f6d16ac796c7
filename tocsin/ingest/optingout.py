"""Whoever replies STOP gets no texts any more, from any plan; the incidents that wait for their answer are told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from tocsin.domain import naming
from tocsin.domain.commands import CommandRefused, OptOut
from tocsin.ingest.carrying import carry_out
from tocsin.ingest.reception import Reception
from tocsin.ingest.waiting import Holders, Summons, sent_to
from tocsin.optouts import OptOuts
from tocsin.temporal import TemporalUnavailable

_log = logging.getLogger(__name__)


class OptingOut:
    """Keeps the register of opt-outs, and tells the incidents that have to know."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._register = OptOuts(reception.settings.state)

    async def has(self, number: str) -> bool:
        """Whether whoever has this number wants no texts. Raises `OSError`."""
        return await asyncio.to_thread(self._register.has, number)

    async def stop(self, sender: str, holders: Holders, sid: str) -> None:
        """No more texts to `sender`. Raises `OSError` when that cannot be noted."""
        numbers = self._numbers(sender, holders)
        await asyncio.to_thread(self._register.stop, numbers, self._reception.clock())
        await self._tell(holders, sid, back=False)

    async def start(self, sender: str, holders: Holders, sid: str) -> None:
        """Texts to `sender` again. Raises `OSError` when that cannot be noted."""
        numbers = self._numbers(sender, holders)
        await asyncio.to_thread(self._register.start, numbers, self._reception.clock())
        await self._tell(holders, sid, back=True)

    def _numbers(self, sender: str, holders: Holders) -> list[str]:
        """The sender's, and where texts go to somebody who wrote from another number that is theirs alone."""
        alone = [(plan, people[0]) for plan, people in holders.items() if len(people) == 1]
        theirs = [self._reception.library.directory(plan).people[person] for plan, person in alone]
        return [sender, *(number for contact in theirs if (number := contact.address("sms")))]

    async def _tell(self, holders: Holders, sid: str, *, back: bool) -> None:
        """What cannot be told now, an incident learns when it is about to send them a text."""
        if not holders:
            return
        try:
            waiting = (await sent_to(await self._reception.client(), holders)).waiting
        except TemporalUnavailable as error:
            _log.error("an opt-out is noted, and no incident could be told: %s", error)
            return
        concerned = [each for each in waiting if back or "sms" in each.via]
        await asyncio.gather(*(self._tell_one(each, sid, back) for each in _once_each(concerned)))

    async def _tell_one(self, summons: Summons, sid: str, back: bool) -> None:
        command = OptOut(
            id=naming.identify("opt-out", sid, str(back), summons.incident),
            actor=summons.actor,
            incident=summons.incident,
            back=back,
        )
        try:
            await carry_out(self._reception, summons.workflow, summons.incident, command)
        except (CommandRefused, TemporalUnavailable) as error:
            _log.error("incident %s could not be told of an opt-out: %s", summons.incident, error)


def _once_each(summonses: Iterable[Summons]) -> list[Summons]:
    """One of each incident's."""
    return list({each.incident: each for each in summonses}.values())
