"""Answering text messages: `7F3K2-2` acknowledges that page, `ACK` the only one that waits for whoever sent it.

The number proves who speaks when one person alone has it; where several share it, the record says *claimed*. What is
replied is what became of it: acknowledged, refused and why, or kept until somebody is at work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client

from tocsin.domain import naming
from tocsin.domain.commands import Acknowledge, Command, CommandRefused, HandOver
from tocsin.domain.plan import LEAST_URGENT
from tocsin.ingest.carrying import Outcome, carry_out
from tocsin.ingest.optingout import OptingOut
from tocsin.ingest.reception import Reception
from tocsin.ingest.replying import NAMED_AT_MOST, Reader, Remark, Replies
from tocsin.ingest.standing import standing_of
from tocsin.ingest.textwords import Code, Text, Wish, read
from tocsin.ingest.waiting import Found, Holders, Summons, Unclear, of_code, sent_to
from tocsin.prompts import Reply
from tocsin.temporal import TemporalUnavailable

PAGES_AT_ONCE = NAMED_AT_MOST
"""How many pages are answered beside one another, and how many codes one text may have."""

TIME_TO_BEGIN = timedelta(seconds=8)
"""How long after a text came more pages are begun with. Twilio waits 15 s for the reply, and those that were begun last
may take some seconds."""

ANSWERED_SHOWN = 3
"""How many pages are named that others have answered, when none waits any more."""

_DONE: dict[Wish, Reply] = {"acknowledge": "accepted", "pass": "passed_on"}
_NOT_DONE: dict[Outcome, Reply] = {"kept": "kept", "over": "over"}

_log = logging.getLogger(__name__)


class Texting:
    """Understands text messages and has done what they ask; `time_to_begin` is for so much as one text asks for."""

    def __init__(self, reception: Reception, time_to_begin: timedelta = TIME_TO_BEGIN) -> None:
        self._reception = reception
        self._time_to_begin = time_to_begin.total_seconds()
        self._opting_out = OptingOut(reception)
        self._replies = Replies(reception.library)

    async def answer(self, sender: str, body: str, sid: str, opt_out_type: str = "") -> str:
        """The reply to `body` from the number `sender`; empty when the vendor replies itself.

        `sid` names the message, so that it counts once; `opt_out_type` is what Twilio took it for, where it did.
        """
        text = read(body, opt_out_type)
        holders = await asyncio.to_thread(self._holders, sender)
        remarks = await self._remarks(text, sender, holders, sid)
        return "" if opt_out_type else await asyncio.to_thread(self._replies.in_words, remarks)

    async def _remarks(self, text: Text, sender: str, holders: Holders, sid: str) -> list[Remark]:
        reader = _reader(holders)
        if text.wish in {"stop", "start"}:
            return [Remark(await self._opt(text.wish, sender, holders, sid), reader)]
        if not holders:
            return [Remark("stranger", reader)]
        if text.wish in {"help", "unclear"}:
            return [Remark("how_to", reader)]
        try:
            return await self._act(text, holders, sid)
        except TemporalUnavailable as error:
            _log.error("an answer by text could not be passed on: %s", error)
            return [Remark("not_now", reader)]

    def _holders(self, number: str) -> Holders:
        """Who has this number, by plan; empty when nobody has."""
        library = self._reception.library
        found = {
            plan: tuple(
                key for key, person in library.directory(plan).people.items() if number in person.numbers
            )
            for plan in library.plans
        }
        return {plan: people for plan, people in found.items() if people}

    # STOP and START

    async def _opt(self, wish: Wish, sender: str, holders: Holders, sid: str) -> Reply:
        try:
            if wish == "stop":
                await self._opting_out.stop(sender, holders, sid)
                return "stopped"
            if await self._opting_out.has(sender):
                await self._opting_out.start(sender, holders, sid)
                return "started"
        except OSError as error:
            _log.error("an opt-out could not be put in the register: %s", error)
            return "not_noted"
        return "how_to" if holders else "stranger"  # such as a YES to something else

    # Answering pages

    async def _act(self, text: Text, holders: Holders, sid: str) -> list[Remark]:
        """What becomes of it. Raises `TemporalUnavailable` before anything was changed."""
        until = asyncio.get_running_loop().time() + self._time_to_begin
        if text.codes:
            return await self._by_code(text, holders, sid)
        reader = _reader(holders)
        found = await sent_to(await self._reception.client(), holders)
        if not text.is_all and not found.is_all:
            return [Remark("too_many_incidents", reader)]
        waiting = sorted(found.waiting, key=self._rank)
        if not waiting:
            return _none_waits(found, reader)
        if len(waiting) > 1 and not text.is_all:
            return [Remark("which_one", reader, each.code, wish=text.wish) for each in waiting]
        told = await self._in_time(text.wish, waiting, sid, until)
        if left := len(waiting) - len(told):
            told.append(Remark("more_wait", reader, number=left, wish=text.wish))
        return told if found.is_all else [*told, Remark("older_may_wait", reader)]

    def _rank(self, summons: Summons) -> int:
        """How bad it is, 1 is the worst; last comes what a plan of today does not have any more."""
        loaded = self._reception.library.plans.get(summons.plan)
        severity = loaded.plan.severities.get(summons.severity) if loaded else None
        return severity.rank if severity else LEAST_URGENT

    async def _by_code(self, text: Text, holders: Holders, sid: str) -> list[Remark]:
        client = await self._reception.client()
        codes = text.codes[:PAGES_AT_ONCE]
        meant = await asyncio.gather(*(_meant(client, code, holders) for code in codes))
        told = await self._each(text.wish, [each for each in meant if isinstance(each, Summons)], sid)
        told += [each for each in meant if isinstance(each, Remark)]
        if (left := len(text.codes) - len(codes)) > 0:
            told.append(Remark("too_many_codes", _reader(holders), number=left))
        return told

    async def _in_time(
        self, wish: Wish, summonses: Sequence[Summons], sid: str, until: float
    ) -> list[Remark]:
        """What became of as many as there is time for, from the first on, and of some at least."""
        told: list[Remark] = []
        while len(told) < len(summonses):
            told += await self._each(wish, summonses[len(told) : len(told) + PAGES_AT_ONCE], sid)
            if asyncio.get_running_loop().time() >= until:
                break
        return told

    async def _each(self, wish: Wish, summonses: Sequence[Summons], sid: str) -> list[Remark]:
        return await asyncio.gather(*(self._tell(wish, summons, sid) for summons in summonses))

    async def _tell(self, wish: Wish, summons: Summons, sid: str) -> Remark:
        reader = Reader(summons.plan, summons.people[0])
        try:
            outcome = await carry_out(
                self._reception, summons.workflow, summons.incident, _command(wish, summons, sid)
            )
        except CommandRefused as refusal:
            return await self._why_not(summons, reader, refusal)
        except TemporalUnavailable as error:
            _log.error("an answer by text could not be passed on: %s", error)
            return Remark("not_recorded", reader, summons.code)
        return Remark(_NOT_DONE.get(outcome, _DONE[wish]), reader, summons.code)

    async def _why_not(self, summons: Summons, reader: Reader, refusal: CommandRefused) -> Remark:
        """How it stands with the page; where that does not explain it, the incident's own words, which are English."""
        found = await standing_of(
            self._reception, summons.workflow, summons.incident, summons.number, summons.people
        )
        reason = str(refusal) if found.why == "refused" else ""
        return Remark(found.why, reader, summons.code, by=found.by, reason=reason)


def _reader(holders: Holders) -> Reader:
    """Who sent it, by the first plan that knows the number; a stranger where none does."""
    return next((Reader(plan, people[0]) for plan, people in holders.items()), Reader())


def _command(wish: Wish, summons: Summons, sid: str) -> Command:
    """Its id is the same for a callback that comes twice, so that it is applied once."""
    incident, number = summons.incident, summons.number
    if wish == "pass":
        id = naming.identify("sms", sid, "pass", incident, str(number))
        return HandOver(id=id, actor=summons.actor, incident=incident, page=number)
    id = naming.identify("sms", sid, incident, str(number))
    return Acknowledge(id=id, actor=summons.actor, incident=incident, page=number)


async def _meant(client: Client, code: Code, holders: Holders) -> Summons | Remark:
    """The page with this code, or why there is none."""
    try:
        return await of_code(client, code, holders)
    except Unclear as unclear:
        return Remark(unclear.why, _reader(holders), unclear.about)


def _none_waits(found: Found, reader: Reader) -> list[Remark]:
    """Names what was answered last: by somebody faster, or by the text whose repetition this is."""
    known = [(each.page.acknowledged, each) for each in found.summonses if each.page]
    answered = [(given.at, given.by.key, each) for given, each in known if given is not None]
    if not answered:
        return [Remark("none_waits", reader), Remark("how_to", reader)]
    answered.sort(key=lambda each: each[0], reverse=True)
    return [
        Remark("none_waits_any_more", reader),
        *(_answered(each, by, reader) for _, by, each in answered[:ANSWERED_SHOWN]),
    ]


def _answered(summons: Summons, by: str, reader: Reader) -> Remark:
    if by in summons.people:
        return Remark("already_yours", reader, summons.code)
    return Remark("taken", reader, summons.code, by=by)
