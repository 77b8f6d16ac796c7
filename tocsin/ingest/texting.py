"""Answering text messages: `7F3K2-2` acknowledges that page, `ACK` the only one that waits for whoever sent it.

The number proves who speaks when one person alone has it; where several share it, the record says *claimed*. What is
replied is what became of it: acknowledged, refused and why, or kept until somebody is at work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import Client

from tocsin.domain import naming
from tocsin.domain.commands import Acknowledge, Command, CommandRefused, HandOver
from tocsin.ingest.carrying import carry_out
from tocsin.ingest.optingout import OptingOut
from tocsin.ingest.reception import Reception
from tocsin.ingest.textwords import Code, Text, Wish, read
from tocsin.ingest.waiting import Found, Holders, Summons, Unclear, of_code, sent_to
from tocsin.temporal import TemporalUnavailable

PAGES_AT_ONCE = 20
"""How many pages are answered beside one another, how many codes one text may have, and how many a reply names."""

TIME_TO_BEGIN = timedelta(seconds=8)
"""How long after a text came more pages are begun with. Twilio waits 15 s for the reply, and those that were begun last
may take some seconds."""

LEAST_URGENT = 1_000
"""The rank of a severity that the plan of today does not have any more."""

ANSWERED_SHOWN = 3
"""How many pages are named that others have answered, when none waits any more."""

HOW_TO = (
    "To acknowledge a page, send its code, such as 7F3K2-2, or just ACK when only one waits for you. "
    "PASS 7F3K2-2 asks somebody else."
)
_STRANGER = (
    "This number is not in the directory, so nothing was changed. Ask whoever keeps the directory to add it."
)
_NOTHING_WAITS = "No page waits for your answer. " + HOW_TO
_TOO_MANY = "Too many incidents are open to find your page. Send its code, such as 7F3K2-2."
_MAY_BE_MORE = "In older incidents more may wait: send their codes."
_NOT_NOW = "Your answer could not be recorded just now. Send the page's code, such as 7F3K2-2, in a minute."
_STOPPED = "You get no more text messages from us, also when you are paged. Send START to get them again."
_STARTED = "You get text messages again. Send STOP to end them."
_NOT_NOTED = "That could not be recorded just now. Send it again in a minute."

_log = logging.getLogger(__name__)


class _Told(NamedTuple):
    """What became of one page: a heading under which several are listed, or a sentence of its own."""

    code: str
    heading: str = ""
    sentence: str = ""


_DONE: dict[Wish, str] = {"acknowledge": "Acknowledged", "pass": "Passed on to whoever is next"}
_KEPT = "Received, and kept until somebody is at work (you get a text if it is refused)"
_UNKNOWN = "Not recorded just now, send it again in a minute"
_OVER = "Over, so nobody needs to answer"


class Texting:
    """Understands text messages and has done what they ask; `time_to_begin` is for so much as one text asks for."""

    def __init__(self, reception: Reception, time_to_begin: timedelta = TIME_TO_BEGIN) -> None:
        self._reception = reception
        self._time_to_begin = time_to_begin.total_seconds()
        self._opting_out = OptingOut(reception)

    async def answer(self, sender: str, body: str, sid: str, opt_out_type: str = "") -> str:
        """The reply to `body` from the number `sender`; empty when the vendor replies itself.

        `sid` names the message, so that it counts once; `opt_out_type` is what Twilio took it for, where it did.
        """
        text = read(body, opt_out_type)
        holders = await asyncio.to_thread(self._holders, sender)
        reply = await self._reply(text, sender, holders, sid)
        return "" if opt_out_type else reply

    async def _reply(self, text: Text, sender: str, holders: Holders, sid: str) -> str:
        if text.wish in {"stop", "start"}:
            return await self._opt(text.wish, sender, holders, sid)
        if not holders:
            return _STRANGER
        if text.wish in {"help", "unclear"}:
            return HOW_TO
        try:
            return await self._act(text, holders, sid)
        except TemporalUnavailable as error:
            _log.error("an answer by text could not be passed on: %s", error)
            return _NOT_NOW

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

    async def _opt(self, wish: Wish, sender: str, holders: Holders, sid: str) -> str:
        try:
            if wish == "stop":
                await self._opting_out.stop(sender, holders, sid)
                return _STOPPED
            if await self._opting_out.has(sender):
                await self._opting_out.start(sender, holders, sid)
                return _STARTED
        except OSError as error:
            _log.error("an opt-out could not be put in the register: %s", error)
            return _NOT_NOTED
        return HOW_TO if holders else _STRANGER  # such as a YES to something else

    # Answering pages

    async def _act(self, text: Text, holders: Holders, sid: str) -> str:
        """What becomes of it, in words. Raises `TemporalUnavailable` before anything was changed."""
        until = asyncio.get_running_loop().time() + self._time_to_begin
        if text.codes:
            return await self._by_code(text, holders, sid)
        found = await sent_to(await self._reception.client(), holders)
        if not text.is_all and not found.is_all:
            return _TOO_MANY
        waiting = sorted(found.waiting, key=self._rank)
        if not waiting:
            return _nothing_waits(found)
        if len(waiting) > 1 and not text.is_all:
            return _several_wait(text.wish, waiting)
        told = await self._in_time(text.wish, waiting, sid, until)
        left = _still_waiting(text.wish, len(waiting) - len(told))
        return _in_words(told, left, "" if found.is_all else _MAY_BE_MORE)

    def _rank(self, summons: Summons) -> int:
        """How bad it is, 1 is the worst; last comes what a plan of today does not have any more."""
        loaded = self._reception.library.plans.get(summons.plan)
        severity = loaded.plan.severities.get(summons.severity) if loaded else None
        return severity.rank if severity else LEAST_URGENT

    async def _by_code(self, text: Text, holders: Holders, sid: str) -> str:
        client = await self._reception.client()
        codes = text.codes[:PAGES_AT_ONCE]
        meant = await asyncio.gather(*(_meant(client, code, holders) for code in codes))
        summonses = [each for each in meant if isinstance(each, Summons)]
        told = await self._each(text.wish, summonses, sid)
        return _in_words(told, *(each for each in meant if isinstance(each, str)), _left(text.codes))

    async def _in_time(self, wish: Wish, summonses: Sequence[Summons], sid: str, until: float) -> list[_Told]:
        """What became of as many as there is time for, from the first on, and of some at least."""
        told: list[_Told] = []
        while len(told) < len(summonses):
            told += await self._each(wish, summonses[len(told) : len(told) + PAGES_AT_ONCE], sid)
            if asyncio.get_running_loop().time() >= until:
                break
        return told

    async def _each(self, wish: Wish, summonses: Sequence[Summons], sid: str) -> list[_Told]:
        return await asyncio.gather(*(self._tell(wish, summons, sid) for summons in summonses))

    async def _tell(self, wish: Wish, summons: Summons, sid: str) -> _Told:
        try:
            outcome = await carry_out(
                self._reception, summons.workflow, summons.incident, _command(wish, summons, sid)
            )
        except CommandRefused as refusal:
            return _Told(summons.code, sentence=f"{summons.code}: {refusal}.")
        except TemporalUnavailable as error:
            _log.error("an answer by text could not be passed on: %s", error)
            return _Told(summons.code, _UNKNOWN)
        headings = {"done": _DONE[wish], "kept": _KEPT, "over": _OVER}
        return _Told(summons.code, headings[outcome])


def _command(wish: Wish, summons: Summons, sid: str) -> Command:
    """Its id is the same for a callback that comes twice, so that it is applied once."""
    incident, number = summons.incident, summons.number
    if wish == "pass":
        id = naming.identify("sms", sid, "pass", incident, str(number))
        return HandOver(id=id, actor=summons.actor, incident=incident, page=number)
    id = naming.identify("sms", sid, incident, str(number))
    return Acknowledge(id=id, actor=summons.actor, incident=incident, page=number)


async def _meant(client: Client, code: Code, holders: Holders) -> Summons | str:
    """The page with this code, or why there is none."""
    try:
        return await of_code(client, code, holders)
    except Unclear as why:
        return str(why)


def _nothing_waits(found: Found) -> str:
    """Names what was answered last: by somebody faster, or by the text whose repetition this is."""
    known = [(each.page.acknowledged, each) for each in found.summonses if each.page]
    answered = sorted(
        ((given.at, given.by.key, each.code) for given, each in known if given is not None), reverse=True
    )
    if not answered:
        return _NOTHING_WAITS
    by = ", ".join(f"{code} was acknowledged by {person}" for _, person, code in answered[:ANSWERED_SHOWN])
    return f"No page waits for your answer any more: {by}."


def _several_wait(wish: Wish, waiting: Sequence[Summons]) -> str:
    codes = _listed([each.code for each in waiting])
    word, before = ("PASS", "PASS and ") if wish == "pass" else ("ACK", "")
    return f"Several pages wait for you. Send {before}the code of one, or {word} ALL: {codes}."


def _left(codes: Sequence[Code]) -> str:
    """What one text was too much for."""
    left = len(codes) - PAGES_AT_ONCE
    return f"Up to {PAGES_AT_ONCE} are answered at once: send the other {left} again." if left > 0 else ""


def _still_waiting(wish: Wish, left: int) -> str:
    """What there was no time for."""
    word = "PASS" if wish == "pass" else "ACK"
    return f"{left} more wait{'s' if left == 1 else ''}: send {word} ALL again." if left else ""


def _listed(names: Sequence[str]) -> str:
    """As many as anybody reads, and as Twilio takes in one reply."""
    more = len(names) - PAGES_AT_ONCE
    return ", ".join(names[:PAGES_AT_ONCE]) + (f" and {more} more" if more > 0 else "")


def _in_words(told: Iterable[_Told], *remarks: str) -> str:
    """What became of each page, those with the same fate together."""
    together: dict[str, list[str]] = {}
    for each in told:
        together.setdefault(each.heading, []).append(each.sentence or each.code)
    own = together.pop("", [])
    shared = [f"{heading}: {_listed(codes)}." for heading, codes in together.items()]
    unsaid = len(own) - PAGES_AT_ONCE
    more = f"{unsaid} more could not be answered either." if unsaid > 0 else ""
    return " ".join(filter(None, (*shared, *own[:PAGES_AT_ONCE], more, *remarks)))
