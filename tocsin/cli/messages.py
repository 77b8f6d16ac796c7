"""What an incident has sent: how far each message has come, what it cost, and what has not left yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from tocsin.cli import options, tables
from tocsin.cli.incidents import Execution, Incidents, PendingSend
from tocsin.cli.looking import look
from tocsin.cli.office import Office, pass_office
from tocsin.cli.times import short
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.state import Message

HELD_BACK = "held back"

_WORDS = {
    DeliveryState.FAILED_FOR_NOW: "failed for now",
    DeliveryState.FAILED: "failed for good",
    DeliveryState.NO_ANSWER: "no answer",
}

_KINDS = {"sms": "text", "phone": "call", "email": "email"}


class MessageView(Message):
    """A message as the record has it, and what Temporal knows of it while it has not left."""

    waits: PendingSend | None = None

    @property
    def stands(self) -> str:
        """How far it has come, in words."""
        if self.waits is not None and self.waits.failed_as == "HeldBack":
            return HELD_BACK
        if self.waits is not None and self.waits.failure:
            return _WORDS[DeliveryState.FAILED_FOR_NOW]
        return _WORDS.get(self.state, str(self.state))


@click.command("messages")
@options.reference
@options.last
@options.output
@pass_office
def messages_command(office: Office, reference: str, last: int | None) -> None:
    """List every message and how far it has come.

    With what each cost, and what has taken its place; what has not left is queued, or held back so that its recipient
    gets one message instead of many.
    """
    found = look(office, reference, _messages)[-(last or 0) :]
    office.emit(found, lambda: told(found))


async def _messages(incidents: Incidents, found: Execution) -> list[MessageView]:
    known = await incidents.messages(found)
    waiting = {each.message: each for each in await incidents.pending(found)}
    return [MessageView(**dict(message), waits=waiting.get(message.id)) for message in known]


def told(messages: Sequence[MessageView]) -> str:
    """The messages, one a line, and what they come to."""
    rows = [
        (
            short(each.delivered or each.sent or each.created),
            each.channel,
            _to(each),
            each.stands,
            " – ".join(filter(None, _what(each))),
        )
        for each in messages
    ]
    table = tables.table(("TIME (UTC)", "CHANNEL", "TO", "STATE", "WHAT"), rows, "no message was sent yet")
    return "\n".join([table, *([_total(messages)] if messages else [])])


def _to(message: Message) -> str:
    """Somebody by their key, in one spelling; a role, or an audience, only while it is not known who that will be."""
    target = message.target
    key = message.reached or target.member or (None if target.supervisor else target.person)
    return f"@{key}" if key else str(target)


def _what(message: MessageView) -> Iterator[str]:
    yield f"{message.purpose}: {message.subject or message.text}"
    yield _cost(message)
    yield message.lacks
    if message.waits is not None:
        yield from _waiting(message.waits)
    else:
        yield message.detail
    if message.succeeded_by is not None:
        yield f"{message.succeeded_by.rpartition('-')[2]} took its place"


def _cost(message: MessageView) -> str:
    """The vendor that took it, and how many segments it is billed for; a digest is billed to whoever sent it."""
    segments = tables.counted(message.segments, "segment") if message.segments else ""
    return ", ".join(filter(None, (message.vendor, segments)))


def _waiting(waits: PendingSend) -> Iterator[str]:
    yield waits.failure
    if waits.next_attempt is not None and waits.failure:
        yield f"attempt {waits.attempt} at {waits.next_attempt:%H:%M:%S}"
    elif waits.is_under_way:
        yield "on its way to the vendor"


def _total(messages: Sequence[MessageView]) -> str:
    """Such as `14 texts (17 segments), 2 calls; 3 held back`."""
    sent = Counter(each.channel for each in messages if each.sent is not None)
    segments = sum(each.segments or 0 for each in messages)
    cost = f" ({tables.counted(segments, 'segment')})" if segments else ""
    left = [
        tables.counted(number, _KINDS[channel]) + (cost if channel == "sms" else "")
        for channel, number in sent.items()
    ]
    stays = Counter(each.stands for each in messages if each.sent is None)
    rest = [f"{number} {state}" for state, number in stays.items()]
    return "; ".join(filter(None, (", ".join(left), ", ".join(rest))))
