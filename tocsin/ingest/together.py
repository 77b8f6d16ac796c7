"""What vendors report of a digest, and the key that is pressed in its call: each of the messages in it is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping

from tocsin.callbacks import digest_key_url
from tocsin.channels import twiml
from tocsin.channels.deliveries import delivery_of_twilio_key
from tocsin.digests import DigestTemplates
from tocsin.domain import naming
from tocsin.domain.channel import Spoken
from tocsin.domain.commands import Acknowledge
from tocsin.domain.delivery import DeliveryReport
from tocsin.domain.directory import Contact
from tocsin.domain.events import Commanded, Delivery
from tocsin.domain.lately import Bundle, HeldMessage
from tocsin.domain.state import Actor
from tocsin.holding import HeldBackMessages
from tocsin.ingest.keys import ACCEPT, AGAIN, ASKED_AT_MOST
from tocsin.ingest.reception import Reception
from tocsin.prompts import Prompt, Prompts
from tocsin.temporal import TemporalUnavailable
from workflows.incident import IncidentWorkflow

TOLD_AT_ONCE = 10

_log = logging.getLogger(__name__)


class Together:
    """Passes on what is said of a digest, by its id."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._held = HeldBackMessages(reception.settings.state)
        self._words = DigestTemplates(reception.library, reception.settings.public_url)
        self._prompts = Prompts(reception.library)

    async def tell(self, id: str, report: DeliveryReport) -> bool:
        """Tell every incident what became of its messages; false when none is there. Raises `TemporalUnavailable`."""
        bundle = await self._bundle(id)
        if bundle is None:
            return False
        return any(await _some_at_once(self._deliver(member, report) for member in bundle.members))

    async def answer(self, id: str, language: str, asked: int, form: Mapping[str, str]) -> str:
        """Do what the key in Twilio's `form` stands for, for every message in the digest; a TwiML document."""
        bundle = await self._bundle(id)
        if bundle is None:
            return twiml.farewell(self._prompts.say("over", "", language))
        if form.get("Digits") == AGAIN and asked < ASKED_AT_MOST:
            return await asyncio.to_thread(self._again, bundle, language, asked, form)
        if form.get("Digits") != ACCEPT:
            return self._ask_again(bundle, language, asked, "unknown_key")
        try:
            told = await self._accept(bundle, form)
        except TemporalUnavailable as error:
            _log.error("an answer to a digest could not be passed on: %s", error)
            return self._ask_again(bundle, language, asked, "not_recorded")
        return twiml.farewell(self._say("all_accepted" if told else "over", bundle, language))

    async def _accept(self, bundle: Bundle, form: Mapping[str, str]) -> bool:
        """As signals, which are kept at once: whoever holds the phone cannot wait for hundreds of answers."""
        call = form.get("CallSid", "")
        report = delivery_of_twilio_key(form, self._reception.clock())
        commands = [self._acknowledge(member, call) for member in bundle.members if member.page is not None]
        deliveries = [self._deliver(member, report) for member in bundle.members]
        return any(await _some_at_once([*commands, *deliveries]))

    async def _acknowledge(self, member: HeldMessage, call: str) -> bool:
        command = Acknowledge(
            id=naming.identify("call", call, ACCEPT, member.incident, str(member.page)),
            actor=Actor(key=member.person, via="phone", proof="proven"),
            incident=member.incident,
            page=member.page,
        )
        return await self._reception.tell(
            member.workflow, member.incident, IncidentWorkflow.queued_command, Commanded(command=command)
        )

    async def _deliver(self, member: HeldMessage, report: DeliveryReport) -> bool:
        delivery = Delivery(
            incident=member.incident, message=member.message, report=report, reached=member.person
        )
        return await self._reception.tell(
            member.workflow, member.incident, IncidentWorkflow.delivery, delivery
        )

    # What is said

    def _again(self, bundle: Bundle, language: str, asked: int, form: Mapping[str, str]) -> str:
        listener = Contact(name="", language=language)
        call, _ = self._words.call(bundle, listener, form.get("To", ""))
        return twiml.spoken(call.model_copy(update={"answer_url": self._url(bundle, language, asked)}))

    def _ask_again(self, bundle: Bundle, language: str, asked: int, why: Prompt) -> str:
        said = self._say(why, bundle, language)
        if asked >= ASKED_AT_MOST:
            return twiml.farewell(said, self._say("enough", bundle, language))
        words = [said, self._say("digest_keys", bundle, language)]
        silence = self._say("silence", bundle, language)
        return twiml.asked(words, self._url(bundle, language, asked), silence)

    def _say(self, prompt: Prompt, bundle: Bundle, language: str) -> Spoken:
        return self._prompts.say(prompt, bundle.members[0].plan.name, language)

    def _url(self, bundle: Bundle, language: str, asked: int) -> str:
        return digest_key_url(self._reception.settings.public_url, bundle.id, language, asked + 1)

    async def _bundle(self, id: str) -> Bundle | None:
        """The digest; `None`, and a line in the log, when nobody knows it any more."""
        try:
            bundle = await asyncio.to_thread(self._held.digest, id)
        except (OSError, ValueError) as error:
            _log.error("digest %s cannot be read: %s", id, type(error).__name__)
            return None
        if bundle is None:
            _log.warning("there is no digest %s below TOCSIN_STATE: do the workers share it?", id)
        return bundle


async def _some_at_once(tellings: Iterable[Awaitable[bool]]) -> list[bool]:
    places = asyncio.Semaphore(TOLD_AT_ONCE)

    async def one(telling: Awaitable[bool]) -> bool:
        async with places:
            return await telling

    return await asyncio.gather(*map(one, tellings))
