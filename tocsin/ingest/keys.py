"""What a key on the telephone does: accept a page, pass it on, show that a message was heard, hear it again.

The person is always answered in words, in their language, and never told that something was received that was not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tocsin.callbacks import key_url
from tocsin.channels import twiml
from tocsin.channels.deliveries import delivery_of_twilio_key
from tocsin.domain import naming
from tocsin.domain.channel import Spoken
from tocsin.domain.commands import Acknowledge, Command, CommandRefused, HandOver
from tocsin.domain.events import Delivery
from tocsin.domain.state import Actor
from tocsin.ingest.carrying import carry_out
from tocsin.ingest.reception import Reception
from tocsin.ingest.repeating import Repeater
from tocsin.ingest.standing import standing_of
from tocsin.prompts import Prompt, Prompts
from tocsin.temporal import TemporalUnavailable
from workflows.incident import IncidentWorkflow

ACCEPT, PASS_ON, AGAIN = "1", "2", "3"

ASKED_AT_MOST = 5
"""How often a key is asked for in one call: a stuck key, or a child with the phone, does not go on for ever."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Called:
    """Who was called, and what about: the parameters of the URL to which the key came. It holds for one call.

    Without a `page` the call only told something. `asked` counts how often a key was asked for.
    """

    workflow: str
    incident: str
    person: str
    page: int | None = None
    message: str = ""
    plan: str = ""
    language: str = ""
    asked: int = 1

    @property
    def code(self) -> str:
        """What the person would answer by text."""
        return naming.page_code(self.incident, self.page) if self.page else ""


class Keys:
    """Answers keys. Each answer is a TwiML document."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._prompts = Prompts(reception.library)
        self._repeater = Repeater(reception)

    async def answer(self, called: Called, form: Mapping[str, str]) -> str:
        """Do what the key in Twilio's `form` stands for, and what is said to that. Raises nothing of Temporal's."""
        key = form.get("Digits", "")
        try:
            if called.page is None and key == ACCEPT:
                return await self._note_that_it_was_heard(called, form)
            if called.page is not None and key in {ACCEPT, PASS_ON}:
                return await self._carry_out(called, called.page, form)
        except TemporalUnavailable as error:
            _log.error("a key that was pressed during a call could not be passed on: %s", error)
            return self._ask_again(called, "not_recorded")
        if key == AGAIN:
            return await self._say_again(called)
        return self._ask_again(called, "unknown_key")

    # What the keys do

    async def _note_that_it_was_heard(self, called: Called, form: Mapping[str, str]) -> str:
        told = await self._tell_of_key(called, form)
        return twiml.farewell(self._say(called, "heard" if told else "over"))

    async def _carry_out(self, called: Called, page: int, form: Mapping[str, str]) -> str:
        command = _command(called, page, form)
        try:
            outcome = await carry_out(self._reception, called.workflow, called.incident, command)
        except CommandRefused as refusal:
            return twiml.farewell(*await self._why_not(called, page, refusal))
        if outcome == "over":
            return twiml.farewell(self._say(called, "over"))
        await self._note_the_answer(called, form)
        if outcome == "kept":
            return twiml.farewell(self._say(called, "kept"))
        return twiml.farewell(self._say(called, "accepted" if command.kind == "acknowledge" else "passed_on"))

    async def _note_the_answer(self, called: Called, form: Mapping[str, str]) -> None:
        """Put on the record that a person took the call; what they answered counts without it."""
        if not called.message:
            return  # a URL of an earlier version, which did not name it
        try:
            await self._tell_of_key(called, form)
        except TemporalUnavailable as error:
            _log.warning("that a call was answered could not be put on the record: %s", error)

    async def _tell_of_key(self, called: Called, form: Mapping[str, str]) -> bool:
        """Report that somebody pressed a key; false when the incident is over. Raises `TemporalUnavailable`."""
        report = delivery_of_twilio_key(form, self._reception.clock())
        delivery = Delivery(incident=called.incident, message=called.message, report=report)
        return await self._reception.tell(
            called.workflow, called.incident, IncidentWorkflow.delivery, delivery
        )

    # What is said

    async def _say_again(self, called: Called) -> str:
        if called.asked >= ASKED_AT_MOST:
            return twiml.farewell(self._say(called, "enough"))
        call = await self._repeater.call_again(
            called.workflow, called.incident, called.message, called.person, called.language
        )
        if call is None:
            return self._ask_again(called, "not_again")
        return twiml.spoken(call.model_copy(update={"answer_url": self._next_url(called)}))

    def _ask_again(self, called: Called, why: Prompt) -> str:
        if called.asked >= ASKED_AT_MOST:
            return twiml.farewell(self._say(called, why), self._say(called, "enough"))
        keys: Prompt = "page_keys" if called.page else "notice_keys"
        words = [self._say(called, why), self._say(called, keys)]
        return twiml.asked(words, self._next_url(called), self._say(called, "silence"))

    async def _why_not(self, called: Called, page: int, refusal: CommandRefused) -> list[Spoken]:
        """How it stands with the page; where that does not explain it, the incident's own words, which are English."""
        found = await standing_of(self._reception, called.workflow, called.incident, page, (called.person,))
        by = await asyncio.to_thread(self._name, called.plan, found.by) if found.by else ""
        said = [self._say(called, found.why, by)]
        return [*said, Spoken(text=str(refusal))] if found.why == "refused" else said

    def _name(self, plan: str, key: str) -> str:
        if plan not in self._reception.library.plans:
            return key
        person = self._reception.library.directory(plan).people.get(key)
        return person.name if person else key

    def _say(self, called: Called, prompt: Prompt, by: str = "") -> Spoken:
        return self._prompts.say(prompt, called.plan, called.language, code=called.code, by=by)

    def _next_url(self, called: Called) -> str:
        following = replace(called, asked=called.asked + 1)
        return key_url(self._reception.settings.public_url, **vars(following))


def _command(called: Called, page: int, form: Mapping[str, str]) -> Command:
    """The same for a callback that comes twice, so that it is carried out once."""
    key = form["Digits"]
    kind = Acknowledge if key == ACCEPT else HandOver
    return kind(
        id=naming.identify("call", form.get("CallSid", ""), key, called.incident, str(page)),
        actor=Actor(key=called.person, via="phone", proof="proven"),
        incident=called.incident,
        page=page,
    )
