"""Gathering, once a rehearsal has been played, what it shows."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.cli.incidents import Execution
from tocsin.domain import naming
from tocsin.domain.channel import ChannelName
from tocsin.domain.state import Entry
from tocsin.rehearsal import names
from tocsin.rehearsal.house import House
from tocsin.rehearsal.people import Letter
from tocsin.rehearsal.playing import Player, RehearsalFailed
from tocsin.rehearsal.result import Received, Recorded, Result, SentFile, TimelineEntry, offset
from tocsin.sandbox.models import Message

_CHANNELS: dict[str, ChannelName] = {"email": "email", "sms": "sms", "call": "phone"}
_STATES = {"completed": "answered", "no-answer": "no answer", "bounce": "bounced"}


async def review(player: Player, house: House, state: Path) -> Result:
    """What was played. Raises `RehearsalFailed` when no incident was opened."""
    script = player.script
    incidents = [
        await _recorded(player, logged.incident, logged.key, state) for logged in house.register.logged()
    ]
    if not incidents:
        raise RehearsalFailed("no incident was opened; the worker's log says why")
    messages = tuple(_received(player, message) for message in _outbound(house))
    moments = [
        *(entry.at for incident in incidents for entry in incident.timeline),
        *(each.at for each in messages),
    ]
    return Result(
        scenario=script.scenario.scenario,
        title=script.scenario.title,
        plan=script.plan.plan.plan,
        plan_title=script.plan.plan.title,
        organisation=script.plan.plan.organisation,
        timezone=script.plan.plan.calendar.timezone,
        began=script.begins,
        ended=max(moments),
        incidents=tuple(incidents),
        messages=messages,
        said=tuple(player.voices.said),
        archive=state,
    )


async def _recorded(player: Player, incident: str, key: str, state: Path) -> Recorded:
    execution = await _home(player, incident, key)
    entries = _all_entries(state / "incidents" / incident, await player.incidents.timeline(execution))
    return Recorded(
        view=await player.incidents.view(execution),
        timeline=tuple(_entry(player, incident, entry) for entry in entries),
        ledger=tuple(await player.incidents.ledger(execution)),
    )


async def _home(player: Player, incident: str, key: str) -> Execution:
    """The workflow that has the incident, or had it last."""
    for workflow in (naming.post_incident_workflow(incident), naming.incident_workflow(key)):
        execution = await player.incidents.look_up(workflow)
        if execution is not None and execution.incident == incident:
            return execution
    raise RehearsalFailed(f"incident {incident} was logged, and no workflow has it")


def _all_entries(archive: Path, recent: list[Entry]) -> list[Entry]:
    """The timeline, with the old entries that are in the archive already."""
    known = {entry.number for entry in recent}
    path = archive / "timeline.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    old = [Entry.model_validate(_without_chain(json.loads(line))) for line in lines]
    return sorted(
        [*(entry for entry in old if entry.number not in known), *recent], key=lambda each: each.number
    )


def _without_chain(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name in Entry.model_fields}


def _entry(player: Player, incident: str, entry: Entry) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        offset=offset(entry.at, player.script.begins),
        incident=incident,
        number=entry.number,
        by=entry.by,
        kind=entry.kind,
        text=entry.text,
    )


def _outbound(house: House) -> list[Message]:
    return [message for message in house.sandbox.store.select() if message.direction == "outbound"]


def _received(player: Player, message: Message) -> Received:
    letter = next((each for each in player.people.letters if each.vendor_id == message.vendor_id), None)
    to, name = _addressee(player, message, letter)
    at = datetime.fromtimestamp(message.at, UTC)
    return Received(
        at=at,
        offset=offset(at, player.script.begins),
        to=to,
        name=name,
        address=message.to,
        channel=_CHANNELS[message.kind],
        purpose=letter.dispatch.purpose if letter else "reply",
        subject=message.subject,
        text=message.body,
        html=message.html,
        attachments=tuple(map(_file, message.attachments)),
        state=_STATES.get(message.status, message.status),
        answer=", ".join(message.digits) or _reply(player, message, letter),
    )


def _addressee(player: Player, message: Message, letter: Letter | None) -> tuple[str, str]:
    """The key and name of whom a message went to; of an answer to a text, whose number it is."""
    contacts = names.contacts(player.script.plan.directory)
    if letter is not None:
        return letter.reached, contacts[letter.reached].name
    found = ((key, each.name) for key, each in contacts.items() if message.to in {each.phone, each.sms})
    return next(found, (message.to, message.to))


def _file(attachment: dict[str, Any]) -> SentFile:
    content = base64.b64decode(attachment["content"])
    return SentFile(
        name=attachment["filename"],
        media_type=attachment.get("type", ""),
        size=len(content),
        content=content,
    )


def _reply(player: Player, message: Message, letter: Letter | None) -> str:
    """The text message that came back for a page: its code."""
    if letter is None or not letter.dispatch.code or message.kind != "sms":
        return ""
    from_them = (each for each in player.sandbox.store.newest("sms") if each.sender == message.to)
    return next((each.text for each in from_them if each.text == letter.dispatch.code), "")
